// vectors.cpp: dropout of a std::vector, forward and backward, from C++.
//
//     PKG_CONFIG_PATH=$(python -c "import fastdrop; print(fastdrop.get_library_dir())")/pkgconfig
//     c++ -std=c++17 examples/c/vectors.cpp $(pkg-config --cflags --libs fastdrop) -o vectors
#include <cstdio>
#include <stdexcept>
#include <vector>

#include <fastdrop.h>

static_assert(FD_ABI == 1, "written for another interface");

static void check(fd_status status)
{
    if (status != FD_OK) throw std::runtime_error(fd_status_string(status));
}

/* A call of a layer has a key of its own, derived from that of the run. */
static fd_key key_of_call(fd_key run, std::uint64_t call)
{
    fd_key key;
    check(fd_fold_in(run, FD_ROLE_CALL, call, &key));
    return key;
}

int main()
{
    const fd_key run{42, 0};
    const fd_exec exec{2, nullptr, nullptr};
    std::vector<float> x(1000, 1.0F), y(x.size()), dx(x.size());
    for (std::uint64_t call = 0; call < 3; call++) {
        const fd_key key = key_of_call(run, call);
        check(fd_dropout(key, 0.25, 0, x.size(), FD_F32, x.data(), y.data(), &exec));
        check(fd_dropout(key, 0.25, 0, y.size(), FD_F32, x.data(), dx.data(), &exec)); // backward: the same call
        std::size_t kept = 0;
        for (float v : y) kept += v != 0.0F;
        std::printf("call %d: kept %zu, gradient %s\n", static_cast<int>(call), kept, y == dx ? "the same" : "ANOTHER");
    }
    try {
        check(fd_dropout(run, 1.5, 0, x.size(), FD_F32, x.data(), y.data(), nullptr));
    } catch (const std::runtime_error &error) {
        std::printf("p = 1.5: %s\n", error.what());
    }
    return 0;
}
