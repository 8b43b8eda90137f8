#include "prioritized.hpp"

#include "parallel.hpp"
#include "scan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace allmodes {
namespace {

constexpr float INFINITE = std::numeric_limits<float>::infinity();
constexpr float STEP = 1.05f;  // by which the distance grows
constexpr size_t FEW = 16;     // points that enter or leave a list one by one

bool before(const Cell::Entry& a, const Cell::Entry& b) {
    return a.key < b.key || (a.key == b.key && a.slot < b.slot);
}

}  // namespace

void Cell::fill(const Store& store, const std::vector<int64_t>& slots, int threads) {
    const auto count = static_cast<int64_t>(lists_.size());
    in_parallel(count, static_cast<int64_t>(slots.size()) < Store::CHUNK ? 1 : threads, [&](int64_t j) {
        List& list = lists_[static_cast<size_t>(j)];
        list.reserve(slots.size());
        for (const int64_t slot : slots) list.push_back({store.projection(slot, j), static_cast<uint32_t>(slot)});
        std::sort(list.begin(), list.end(), before);
    });
}

void Cell::insert(const Store& store, const std::vector<int64_t>& slots) {
    for (size_t j = 0; j < lists_.size(); ++j) {
        List& list = lists_[j];
        const size_t old = list.size();
        for (const int64_t slot : slots) {
            const Entry entry{store.projection(slot, static_cast<int64_t>(j)), static_cast<uint32_t>(slot)};
            list.insert(slots.size() <= FEW ? std::lower_bound(list.begin(), list.end(), entry, before) : list.end(), entry);
        }
        if (slots.size() <= FEW) continue;
        const auto middle = list.begin() + static_cast<std::ptrdiff_t>(old);
        std::sort(middle, list.end(), before);
        std::inplace_merge(list.begin(), middle, list.end(), before);
    }
}

void Cell::erase(const Store& store, const std::vector<int64_t>& slots) {
    const bool few = slots.size() <= FEW;
    std::vector<bool> gone(few ? 0 : static_cast<size_t>(store.slots()));
    for (const int64_t slot : slots)
        if (!few) gone[static_cast<size_t>(slot)] = true;
    for (size_t j = 0; j < lists_.size(); ++j) {
        List& list = lists_[j];
        if (few) {
            for (const int64_t slot : slots) {
                const Entry entry{store.projection(slot, static_cast<int64_t>(j)), static_cast<uint32_t>(slot)};
                list.erase(std::lower_bound(list.begin(), list.end(), entry, before));
            }
        } else {
            list.erase(std::remove_if(list.begin(), list.end(), [&](const Entry& e) { return gone[e.slot]; }), list.end());
        }
    }
}

int64_t Cell::nbytes() const {
    size_t bytes = 0;
    for (const List& list : lists_) bytes += list.capacity() * sizeof(Entry);
    return static_cast<int64_t>(bytes);
}

void Traversal::start(const std::vector<const Cell*>& cells, const Composite& index, const float* query) {
    cursors_.clear();
    found_.clear();
    for (const Cell* cell : cells)
        for (int64_t j = index.first; j < index.first + index.simple; ++j) {
            const Cell::List& list = cell->list(j);
            const auto at = std::lower_bound(list.begin(), list.end(), Cell::Entry{query[j], 0}, before);
            const auto middle = static_cast<size_t>(at - list.begin());
            cursors_.push_back({&list, query[j], middle, middle, middle, middle});
        }
}

// A list has not seen `retrieve` points before half as many lie on one side.
float Traversal::first_reach(int64_t retrieve, size_t cells) const {
    const size_t half = static_cast<size_t>(retrieve) / (2 * cells);
    float reach = 0;
    for (const Cursor& c : cursors_) {
        const float above = c.high + half < c.list->size() ? (*c.list)[c.high + half].key - c.centre : INFINITE;
        const float below = c.low > half ? c.centre - (*c.list)[c.low - half - 1].key : INFINITE;
        const float nearer = std::min(above, below);
        if (nearer < INFINITE) reach = std::max(reach, nearer);
    }
    return reach;
}

float Traversal::next_gap() const {
    float gap = INFINITE;
    for (const Cursor& c : cursors_) {
        if (c.high < c.list->size()) gap = std::min(gap, std::fabs((*c.list)[c.high].key - c.centre));
        if (c.low > 0) gap = std::min(gap, std::fabs((*c.list)[c.low - 1].key - c.centre));
    }
    return gap;
}

int64_t Traversal::advance(const Store& store, const Composite& index, const float* query, float reach) {
    const auto all = static_cast<uint16_t>(index.simple);
    const size_t known = found_.size();
    uint16_t* seen = seen_.data();
    int64_t visited = 0;
    for (Cursor& c : cursors_) {
        const Cell::Entry* entries = c.list->data();
        const size_t size = c.list->size();
        const auto visit = [&](const Cell::Entry& entry) {
            if (++seen[entry.slot] == all) found_.push_back({0, entry.slot});
        };
        for (; c.high < size && std::fabs(entries[c.high].key - c.centre) <= reach; ++c.high) visit(entries[c.high]);
        for (; c.low > 0 && std::fabs(entries[c.low - 1].key - c.centre) <= reach; --c.low) visit(entries[c.low - 1]);
        visited += static_cast<int64_t>(c.high - c.low);
    }
    for (size_t i = known; i < found_.size(); ++i)
        for (int64_t j = index.first; j < index.first + index.simple; ++j)
            found_[i].value = std::max(found_[i].value, std::fabs(store.projection(found_[i].slot, j) - query[j]));
    return visited;
}

int64_t Traversal::visited_before() const {
    int64_t visited = 0;
    for (const Cursor& c : cursors_) visited += static_cast<int64_t>(c.high_before - c.low_before);
    return visited;
}

void Traversal::latest(const Found& last) {
    latest_.clear();
    for (const Cursor& c : cursors_)
        for (size_t i = c.low; i < c.high; ++i) {
            if (i == c.low_before) i = c.high_before;
            if (i == c.high) break;
            const Found entry{std::fabs((*c.list)[i].key - c.centre), (*c.list)[i].slot};
            if (!Nearer()(last, entry)) latest_.push_back(entry);
        }
}

int64_t Traversal::retrieve(const Store& store, const std::vector<const Cell*>& cells, const Composite& index,
                            const float* query, const Effort& effort, std::vector<int64_t>& slots) {
    start(cells, index, query);
    if (cursors_.empty()) return 0;
    seen_.assign(static_cast<size_t>(store.slots()), 0);
    float reach = std::isinf(effort.rounding) ? INFINITE : first_reach(effort.retrieve, cells.size());
    int64_t visited = advance(store, index, query, reach);
    while (visited < effort.visit && static_cast<int64_t>(found_.size()) < effort.retrieve) {
        const float gap = next_gap();
        if (gap == INFINITE) break;
        for (Cursor& c : cursors_) c.low_before = c.low, c.high_before = c.high;
        reach = std::max(reach * STEP, gap);
        visited = advance(store, index, query, reach);
    }
    Found last{INFINITE, std::numeric_limits<uint32_t>::max()};
    if (static_cast<int64_t>(found_.size()) >= effort.retrieve) {
        std::nth_element(found_.begin(), found_.begin() + (effort.retrieve - 1), found_.end(), Nearer());
        last = found_[static_cast<size_t>(effort.retrieve - 1)];
        const double moved = 2 * effort.rounding;  // of the query's projection and of a point's
        if (moved > TOLERATED * last.value) {      // all points that may be as near
            last = {static_cast<float>(std::min(last.value + 2 * moved, 1e38)), std::numeric_limits<uint32_t>::max()};
            advance(store, index, query, last.value);
        }
    }
    latest(last);
    const int64_t earlier = visited_before(), left = effort.visit - earlier;
    if (static_cast<int64_t>(latest_.size()) > left) {
        std::nth_element(latest_.begin(), latest_.begin() + (left - 1), latest_.end(), Nearer());
        last = latest_[static_cast<size_t>(left - 1)];
    }
    for (const Found& f : found_)
        if (!Nearer()(last, f)) slots.push_back(f.slot);
    return earlier + std::min(left, static_cast<int64_t>(latest_.size()));
}

}  // namespace allmodes
