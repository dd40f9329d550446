#include "membership/dissemination.hpp"

#include <algorithm>
#include <tuple>

namespace starling::membership {

void dissemination::add(const node_id& id, urgency how, std::size_t sends) {
  remove(id);
  if (sends > 0)
    items_.push_back({id, how, sends, 0, ++arrivals_});
  sorted_ = false;
}

void dissemination::extend(const node_id& id, urgency how, std::size_t sends) {
  const auto found = std::ranges::find(items_, id, &item::id);
  add(id, how, std::max(sends, found == items_.end() ? 0 : found->left));
}

void dissemination::sent(const node_id& id) {
  const auto found = std::ranges::find(items_, id, &item::id);
  if (found == items_.end())
    return;
  ++found->sends;
  if (--found->left == 0)
    items_.erase(found);
  sorted_ = false;
}

void dissemination::remove(const node_id& id) {
  if (std::erase_if(items_, [&](const item& i) { return i.id == id; }) > 0)
    sorted_ = false;
}

const std::vector<node_id>& dissemination::order() {
  if (!sorted_) {
    std::ranges::sort(items_, {}, [](const item& i) {
      return std::tuple{i.how, i.sends, ~i.arrival};
    });
    order_.clear();
    for (const auto& i : items_)
      order_.push_back(i.id);
    sorted_ = true;
  }
  return order_;
}

} // namespace starling::membership
