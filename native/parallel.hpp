// A loop over independent pieces of work on several threads.
#pragma once

#include <cstdint>
#include <exception>
#include <mutex>

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace allmodes {

// One run of the loop. libgomp is not built for the thread sanitizer, which does not see that its threads begin after all
// that came before the loop and end before all that comes after it. `arrive` and `leave` say just that and nothing of what
// the pieces do to one another.
template <typename Work>
class Loop {
public:
    explicit Loop(const Work& work) : work_(work) { leave(); }

    __attribute__((noinline)) void piece(int64_t i) {
        arrive();
        try {
            work_(i);
        } catch (...) {
            const std::lock_guard lock(mutex_);
            failure_ = std::current_exception();
        }
        leave();
    }

    void finish() {
        arrive();
        if (failure_) std::rethrow_exception(failure_);
    }

private:
#if defined(__SANITIZE_THREAD__)
    void arrive() { __tsan_acquire(this); }
    void leave() { __tsan_release(this); }
#else
    void arrive() {}
    void leave() {}
#endif

    const Work& work_;
    std::mutex mutex_;
    std::exception_ptr failure_;
};

// What OpenMP makes of a loop reads its arguments from memory of the thread that started it, before any piece.
template <typename Work>
__attribute__((noinline, no_sanitize("thread"))) void run(Loop<Work>& loop, int64_t count, [[maybe_unused]] int threads) {
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (count > 1 && threads > 1)
    for (int64_t i = 0; i < count; ++i) loop.piece(i);
}

// Calls work(i) for i from 0 to count, in any order. An exception is thrown again when all have ended.
template <typename Work>
void in_parallel(int64_t count, int threads, const Work& work) {
    Loop<Work> loop(work);
    run(loop, count, threads);
    loop.finish();
}

}  // namespace allmodes
