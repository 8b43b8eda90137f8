// A loop over independent pieces of work on several threads.
#pragma once

#include <cstdint>
#include <exception>

namespace allmodes {

// Calls work(i) for i from 0 to count, in any order. The first exception is thrown again when all have ended.
template <typename Work>
void in_parallel(int64_t count, [[maybe_unused]] int threads, const Work& work) {
    std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (count > 1 && threads > 1)
    for (int64_t i = 0; i < count; ++i) {
        try {
            work(i);
        } catch (...) {
#pragma omp critical(allmodes_failure)
            failure = std::current_exception();
        }
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace allmodes
