#include "kernels.hpp"

namespace allmodes {

namespace baseline {
extern const Kernels table;
}
#ifdef ALLMODES_X86
namespace avx2 {
extern const Kernels table;
}
namespace avx512 {
extern const Kernels table;
}
#endif

const Kernels& kernels() {
#ifdef ALLMODES_X86
    static const Kernels* best = __builtin_cpu_supports("avx512f") ? &avx512::table
                                 : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &avx2::table
                                                                                                   : &baseline::table;
    return *best;
#else
    return baseline::table;
#endif
}

}  // namespace allmodes
