#include "scan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace allmodes {
namespace {

constexpr float INFINITE = std::numeric_limits<float>::infinity();
constexpr int64_t SAMPLE = 1024;  // points that a threshold is guessed from, at most
constexpr int64_t LISTED = 3;     // times the wanted number: a longer list is shortened
constexpr double CANCELLED = 8 * 0x1p-24;  // of |q|^2: the error of a squared distance as a difference of norms

int64_t blocks_of(int64_t points) { return (points + BLOCK - 1) / BLOCK; }

int64_t findable(const Store& store) { return store.size() - static_cast<int64_t>(store.strays().size()); }

// Points that a list must hold: no point is found twice.
int64_t room(const Store& store, int64_t wanted) {
    const int64_t most = store.slots() + BLOCK;
    return wanted >= most / LISTED ? most : std::min(most, std::max(LISTED * wanted, SAMPLE + BLOCK) + Store::CHUNK);
}

float farthest(const std::vector<Found>& found) {
    float value = -INFINITE;
    for (const Found& f : found) value = std::max(value, f.value);
    return value;
}

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
            if (survivors[q].count / LISTED >= wanted) tighten(survivors[q], wanted);
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

int64_t Scan::bytes(const Store& store, int64_t wanted) {
    return room(store, wanted) * static_cast<int64_t>(sizeof(Found) + sizeof(int64_t));
}

template <typename Compare>
void Scan::run(const Store& store, const float* queries, int64_t n, int64_t wanted, const Compare& compare) {
    found_.resize(static_cast<size_t>(n));
    survivors_.resize(static_cast<size_t>(n));
    for (int64_t q = 0; q < n; ++q) {
        found_[q].resize(static_cast<size_t>(room(store, wanted)));
        survivors_[q] = {INFINITE, 0, found_[q].data()};
    }
    guess(store, queries, n, wanted, compare, survivors_.data());
    scan_all(store, queries, n, wanted, compare, survivors_.data());
    for (int64_t q = 0; q < n; ++q) {
        Survivors& s = survivors_[q];
        if (s.count < std::min(wanted, findable(store))) {  // guessed too low
            rerun(store, queries + q * store.geometry().depth, q, wanted, compare);
            continue;
        }
        tighten(s, wanted);
        found_[q].resize(static_cast<size_t>(s.count));
    }
}

template <typename Compare>
void Scan::rerun(const Store& store, const float* query, int64_t q, int64_t wanted, const Compare& compare) {
    found_[q].resize(static_cast<size_t>(room(store, wanted)));
    Survivors& s = survivors_[q] = {INFINITE, 0, found_[q].data()};
    scan_all(store, query, 1, wanted, compare, &s);
    tighten(s, wanted);
    found_[q].resize(static_cast<size_t>(s.count));
}

template <typename Compare>
void Scan::within(const Store& store, const float* query, int64_t q, double value, const Compare& compare) {
    all_.resize(static_cast<size_t>(room(store, store.slots())));
    const double most = std::numeric_limits<float>::max();
    Survivors s{value < most ? static_cast<float>(value) : INFINITE, 0, all_.data()};
    scan_all(store, query, 1, store.slots(), compare, &s);
    found_[q].assign(all_.data(), all_.data() + s.count);
}

const Candidates& Scan::l2(const Store& store, const float* queries, const double* rounding, int64_t n,
                           int64_t wanted) {
    const int64_t depth = store.geometry().depth;
    scaled_.resize(static_cast<size_t>(n * depth));
    std::transform(queries, queries + n * depth, scaled_.begin(), [](float x) { return -2 * x; });
    const auto expanded = [depth](const float* blocks, int64_t count, int64_t first, const float* some, int64_t m,
                                  Survivors* out) {
        float norms[Store::CHUNK];
        kernels().norms(blocks, count, depth, norms);
        kernels().scan_l2(blocks, norms, count, depth, static_cast<uint32_t>(first), some, m, out);
    };
    run(store, scaled_.data(), n, wanted, expanded);
    const auto differences = [depth](const float* blocks, int64_t count, int64_t first, const float* some, int64_t m,
                                     Survivors* out) {
        kernels().scan_differences(blocks, count, depth, static_cast<uint32_t>(first), some, m, out);
    };
    for (int64_t q = 0; q < n; ++q) {
        if (static_cast<int64_t>(found_[q].size()) < wanted) continue;  // all are found
        const float* query = queries + q * depth;
        const double norm = std::inner_product(query, query + depth, query, 0.0);
        const double moved = rounding[q] * std::sqrt(2.0 * static_cast<double>(depth));  // of point and of query
        const double squared = farthest(found_[q]) + norm, least = moved / TOLERATED;
        if (CANCELLED * norm < TOLERATED * squared && least * least < squared) continue;
        rerun(store, query, q, wanted, differences);
        const double reach = std::sqrt(static_cast<double>(farthest(found_[q])));
        if (moved > TOLERATED * reach) within(store, query, q, std::pow(reach + 2 * moved, 2), differences);
    }
    return found_;
}

const Candidates& Scan::linf(const Store& store, const float* queries, const double* rounding, int64_t n,
                             int64_t wanted, int64_t first, int64_t used) {
    const int64_t depth = store.geometry().depth;
    const auto compare = [=](const float* blocks, int64_t count, int64_t slot, const float* some, int64_t m,
                             Survivors* out) {
        kernels().scan_linf(blocks + first * BLOCK, count, depth, used, static_cast<uint32_t>(slot), some + first, m,
                            out);
    };
    run(store, queries, n, wanted, compare);
    for (int64_t q = 0; q < n; ++q) {
        if (static_cast<int64_t>(found_[q].size()) < wanted) continue;
        const double reach = farthest(found_[q]), moved = 2 * rounding[q];
        if (moved > TOLERATED * reach) within(store, queries + q * depth, q, reach + 2 * moved, compare);
    }
    return found_;
}

}  // namespace allmodes
