"""csrc/xla_abi.h against the header that comes with jaxlib: every member in its place."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")

CSRC = Path(__file__).parent.parent / "csrc"

#: Our structures and members, and theirs.
SAME = {
    "xla_extension": ("XLA_FFI_Extension_Base", "size:struct_size kind:type next"),
    "xla_version": ("XLA_FFI_Api_Version", "size:struct_size extensions:extension_start major:major_version "
                    "minor:minor_version"),
    "xla_new_error": ("XLA_FFI_Error_Create_Args", "size:struct_size extensions:extension_start message code:errc"),
    "xla_schedule": ("XLA_FFI_ThreadPool_Schedule_Args", "size:struct_size extensions:extension_start context:ctx task "
                     "data"),
    "xla_num_threads": ("XLA_FFI_ThreadPool_NumThreads_Args", "size:struct_size extensions:extension_start context:ctx "
                        "num_threads"),
    "xla_error_ref": ("XLA_FFI_Error_Destroy_Args", "size:struct_size extensions:extension_start error"),
    "xla_api": ("XLA_FFI_Api", "size:struct_size extensions:extension_start version:api_version internal:internal_api "
                "new_error:XLA_FFI_Error_Create error_message:XLA_FFI_Error_GetMessage "
                "delete_error:XLA_FFI_Error_Destroy "
                "schedule:XLA_FFI_ThreadPool_Schedule num_threads:XLA_FFI_ThreadPool_NumThreads"),
    "xla_buffer": ("XLA_FFI_Buffer", "size:struct_size extensions:extension_start dtype data rank shape:dims"),
    "xla_list": ("XLA_FFI_Args", "size:struct_size extensions:extension_start count:size kinds:types items:args"),
    "xla_list ": ("XLA_FFI_Rets", "size:struct_size extensions:extension_start count:size kinds:types items:rets"),
    "xla_text": ("XLA_FFI_ByteSpan", "start:ptr length:len"),
    "xla_array": ("XLA_FFI_Array", "dtype count:size data"),
    "xla_attributes": ("XLA_FFI_Attrs", "size:struct_size extensions:extension_start count:size kinds:types names "
                       "items:attrs"),
    "xla_frame": ("XLA_FFI_CallFrame", "size:struct_size extensions:extension_start api context:ctx stage "
                  "operands:args results:rets attributes:attrs future"),
    "xla_metadata": ("XLA_FFI_Metadata", "size:struct_size version:api_version traits state_type:state_type_id"),
    "xla_metadata_extension": ("XLA_FFI_Metadata_Extension", "base:extension_base metadata"),
}  # fmt: skip
NUMBERS = {
    "XLA_MINOR": "XLA_FFI_API_MINOR", "XLA_MAJOR": "XLA_FFI_API_MAJOR", "XLA_METADATA": "XLA_FFI_Extension_Metadata",
    "XLA_EXECUTE": "XLA_FFI_ExecutionStage_EXECUTE", "XLA_INSTANTIATE": "XLA_FFI_ExecutionStage_INSTANTIATE",
    "XLA_BUFFER": "XLA_FFI_ArgType_BUFFER", "XLA_ARRAY": "XLA_FFI_AttrType_ARRAY",
    "XLA_INVALID_ARGUMENT": "XLA_FFI_Error_Code_INVALID_ARGUMENT", "XLA_INTERNAL": "XLA_FFI_Error_Code_INTERNAL",
    "XLA_UNIMPLEMENTED": "XLA_FFI_Error_Code_UNIMPLEMENTED",
    **{f"XLA_{name}": f"XLA_FFI_DataType_{name}"
       for name in ("S32", "S64", "U32", "F16", "F32", "F64", "C64", "BF16", "C128")},
}  # fmt: skip


def program() -> str:
    lines = ['#include "xla/ffi/api/c_api.h"', '#include "xla_abi.h"']
    for ours, (theirs, members) in SAME.items():
        ours = ours.strip()
        if ours not in ("xla_api", "xla_metadata"):  # which may grow behind what a handler reads
            lines.append(f'_Static_assert(sizeof({ours}) == sizeof({theirs}), "{ours}");')
        for member in members.split():
            mine, _, other = member.partition(":")
            other = other or mine
            lines.append(f'_Static_assert(offsetof({ours}, {mine}) == offsetof({theirs}, {other}), "{ours} {mine}");')
            lines.append(
                f'_Static_assert(sizeof((({ours} *)0)->{mine}) == sizeof((({theirs} *)0)->{other}), "{ours} {mine}");'
            )
    lines += [f'_Static_assert({ours} == {theirs}, "{ours}");' for ours, theirs in NUMBERS.items()]
    return "\n".join([*lines, "int main(void) { return 0; }", ""])


def test_every_member_is_compared():
    text = (CSRC / "xla_abi.h").read_text()
    structures = dict(re.findall(r"typedef struct (\w+) \{(.*?)\n\} \1;", re.sub(r"/\*.*?\*/", "", text), re.S))
    structures |= {name: body for body, name in re.findall(r"typedef struct \w+ \{(.*?)\n\} (\w+);", text, re.S)}
    assert structures.keys() == {name.strip() for name in SAME}
    for name, body in structures.items():
        declared = set(re.findall(r"(\w+)(?:\[\d+\])?;|\(\*(\w+)\)", re.sub(r"/\*.*?\*/", "", body)))
        declared = {a or b for a, b in declared} - {"unused"}
        compared = {member.partition(":")[0] for member in SAME[name][1].split()}
        assert declared == compared, name


def test_layout(tmp_path):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    source = tmp_path / "layout.c"
    source.write_text(program())
    command = [
        compiler,
        "-std=c11",
        f"-I{jax.ffi.include_dir()}",
        f"-I{CSRC}",
        "-c",
        source,
        "-o",
        tmp_path / "layout.o",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    source.write_text(program().replace("_Static_assert(XLA_MINOR == ", "_Static_assert(XLA_MINOR + 1 == "))
    assert subprocess.run(command, capture_output=True).returncode != 0
