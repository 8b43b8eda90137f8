#include "scan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace allmodes {
namespace {

constexpr float INFINITE = std::numeric_limits<float>::infinity();
constexpr int64_t SAMPLE = 1024;  // points that a threshold is guessed from, at most
constexpr int64_t LISTED = 3;     // times the wanted number: a longer list is shortened

struct Nearer {
    bool operator()(const Found& a, const Found& b) const {
        return a.value < b.value || (a.value == b.value && a.slot < b.slot);
    }
};

int64_t blocks_of(int64_t points) { return (points + BLOCK - 1) / BLOCK; }

// Leaves the `wanted` nearest. Slots ascend in a scan, so a later point of the same value would come after them.
void tighten(Survivors& survivors, int64_t wanted) {
    if (survivors.count <= wanted) return;
    std::nth_element(survivors.found, survivors.found + wanted - 1, survivors.found + survivors.count, Nearer());
    survivors.count = wanted;
    survivors.threshold = survivors.found[wanted - 1].value;
}

template <typename Compare>
void scan_all(const Store& store, const float* queries, int64_t n, int64_t wanted, const Compare& compare,
              Survivors* survivors) {
    for (int64_t chunk = 0; chunk < store.chunk_count(); ++chunk) {
        compare(store.blocks(chunk), blocks_of(store.chunk_size(chunk)), chunk * Store::CHUNK, queries, n, survivors);
        for (int64_t q = 0; q < n; ++q)
            if (survivors[q].count >= LISTED * wanted) tighten(survivors[q], wanted);
    }
}

// Thresholds that a little more than the wanted number of points should pass, from a sample of the blocks.
template <typename Compare>
void guess(const Store& store, const float* queries, int64_t n, int64_t wanted, const Compare& compare,
           Survivors* survivors) {
    const int64_t total = store.slots(), sample = std::min(SAMPLE, total / 16);
    const double rank = static_cast<double>(wanted) / static_cast<double>(total) * static_cast<double>(sample);
    const auto margin = static_cast<int64_t>(rank + 3 * std::sqrt(rank) + 2);
    if (sample < 8 * margin) return;  // no guess would spare much
    for (int64_t block = 0; block * BLOCK < total; block += std::max<int64_t>(1, total / sample)) {
        const int64_t chunk = block * BLOCK / Store::CHUNK, within = block % (Store::CHUNK / BLOCK);
        compare(store.blocks(chunk) + within * store.geometry().depth * BLOCK, 1, block * BLOCK, queries, n, survivors);
    }
    for (int64_t q = 0; q < n; ++q) {
        Survivors& s = survivors[q];
        if (s.count >= margin) {
            std::nth_element(s.found, s.found + margin - 1, s.found + s.count, Nearer());
            s.threshold = s.found[margin - 1].value;
        }
        s.count = 0;
    }
}

}  // namespace

template <typename Compare>
void Scan::run(const Store& store, const float* queries, int64_t n, int64_t wanted, const Compare& compare) {
    const int64_t room = std::max(LISTED * wanted, SAMPLE + BLOCK) + Store::CHUNK;
    found_.resize(static_cast<size_t>(n));
    survivors_.resize(static_cast<size_t>(n));
    for (int64_t q = 0; q < n; ++q) {
        found_[q].resize(static_cast<size_t>(room));
        survivors_[q] = {INFINITE, 0, found_[q].data()};
    }
    guess(store, queries, n, wanted, compare, survivors_.data());
    scan_all(store, queries, n, wanted, compare, survivors_.data());
    for (int64_t q = 0; q < n; ++q) {
        Survivors& s = survivors_[q];
        if (s.count < std::min(wanted, store.size())) {  // guessed too low: once more without a threshold
            s = {INFINITE, 0, found_[q].data()};
            scan_all(store, queries + q * store.geometry().depth, 1, wanted, compare, &s);
        }
        tighten(s, wanted);
        found_[q].resize(static_cast<size_t>(s.count));
    }
}

const Candidates& Scan::l2(const Store& store, const float* queries, int64_t n, int64_t wanted) {
    const int64_t depth = store.geometry().depth;
    scaled_.resize(static_cast<size_t>(n * depth));
    std::transform(queries, queries + n * depth, scaled_.begin(), [](float x) { return -2 * x; });
    const auto compare = [depth](const float* blocks, int64_t count, int64_t first, const float* some, int64_t m,
                                 Survivors* out) {
        float norms[Store::CHUNK];
        kernels().norms(blocks, count, depth, norms);
        kernels().scan_l2(blocks, norms, count, depth, static_cast<uint32_t>(first), some, m, out);
    };
    run(store, scaled_.data(), n, wanted, compare);
    return found_;
}

const Candidates& Scan::linf(const Store& store, const float* queries, int64_t n, int64_t wanted, int64_t first,
                             int64_t used) {
    const int64_t depth = store.geometry().depth;
    const auto compare = [=](const float* blocks, int64_t count, int64_t slot, const float* some, int64_t m,
                             Survivors* out) {
        kernels().scan_linf(blocks + first * BLOCK, count, depth, used, static_cast<uint32_t>(slot), some + first, m,
                            out);
    };
    run(store, queries, n, wanted, compare);
    return found_;
}

}  // namespace allmodes
