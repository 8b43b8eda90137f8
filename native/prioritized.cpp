#include "prioritized.hpp"

#include <cmath>
#include <iterator>
#include <queue>
#include <unordered_map>

namespace allmodes {

void SortedLists::insert(const Store& store, int64_t slot) {
    if (store.stray(slot)) return;
    for (size_t j = 0; j < lists_.size(); ++j)
        lists_[j].emplace(store.projection(slot, first_ + static_cast<int64_t>(j)), store.id(slot));
}

void SortedLists::erase(const Store& store, int64_t slot) {
    for (size_t j = 0; j < lists_.size(); ++j)
        lists_[j].erase({store.projection(slot, first_ + static_cast<int64_t>(j)), store.id(slot)});
}

void SortedLists::clear() {
    for (auto& list : lists_) list.clear();
}

std::vector<int64_t> SortedLists::retrieve(const Store& store, const float* query, int64_t retrieve, int64_t visit,
                                           int64_t& visits) const {
    struct Next {
        float gap;      // of the projections: the smaller, the higher the priority
        int64_t id;     // ties as in a scan: the older point first
        size_t list;
        bool above;     // on which side of the query
    };
    const auto later = [](const Next& a, const Next& b) { return a.gap > b.gap || (a.gap == b.gap && a.id > b.id); };
    std::priority_queue<Next, std::vector<Next>, decltype(later)> queue(later);
    std::vector<std::set<Entry>::const_iterator> up(lists_.size()), down(lists_.size());

    const auto push = [&](size_t j, bool above) {  // the nearest unvisited entry of a list on one side
        const float centre = query[first_ + static_cast<int64_t>(j)];
        if (above ? up[j] == lists_[j].end() : down[j] == lists_[j].begin()) return;
        const Entry& entry = above ? *up[j]++ : *--down[j];
        queue.push({std::fabs(entry.first - centre), entry.second, j, above});
    };
    for (size_t j = 0; j < lists_.size(); ++j) {
        up[j] = down[j] = lists_[j].lower_bound({query[first_ + static_cast<int64_t>(j)], -1});
        push(j, true);
        push(j, false);
    }

    std::unordered_map<int64_t, size_t> seen;  // in how many lists
    std::vector<int64_t> found;
    while (!queue.empty() && static_cast<int64_t>(found.size()) < retrieve && visit-- > 0) {
        const Next next = queue.top();
        queue.pop();
        push(next.list, next.above);
        ++visits;
        if (++seen[next.id] == lists_.size()) found.push_back(store.slot_of(next.id));
    }
    return found;
}

int64_t SortedLists::nbytes() const {
    constexpr int64_t NODE = sizeof(Entry) + 4 * sizeof(void*);  // colour and three links
    int64_t bytes = 0;
    for (const auto& list : lists_) bytes += static_cast<int64_t>(list.size()) * NODE;
    return bytes;
}

}  // namespace allmodes
