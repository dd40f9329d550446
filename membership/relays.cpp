#include "membership/relays.hpp"

#include <algorithm>
#include <cassert>

namespace starling::membership {

void relays::begin(const request& r, duration now) {
  assert(!is_full());
  relays_.push_back(
      {.what = r, .started = now, .nack = now + r.budget - r.margin, .end = now + 2 * r.budget});
}

std::optional<relays::reply> relays::acknowledged(std::uint64_t number, const node_id& by,
                                                  duration now) {
  for (auto& r : relays_)
    if (r.what.number == number && r.what.target == by) {
      r.is_answered = true;
      r.end = now;
      return reply{r.what.asker, r.what.asked_number, r.what.version};
    }
  return std::nullopt;
}

std::vector<relays::reply> relays::nacks_due(duration now) {
  std::vector<reply> result;
  for (auto& r : relays_)
    if (!r.is_answered && now >= r.nack) {
      r.is_answered = true;
      result.push_back({r.what.asker, r.what.asked_number, r.what.version});
    }
  std::erase_if(relays_, [now](const relay& r) { return r.is_answered && now >= r.end; });
  return result;
}

std::optional<duration> relays::next_due() const {
  std::optional<duration> result;
  for (const auto& r : relays_) {
    const auto due = r.is_answered ? r.end : r.nack;
    result = result ? std::min(*result, due) : due;
  }
  return result;
}

void relays::absorb(const stall& s) {
  for (auto& r : relays_)
    if (s.concerns(r.started)) {
      r.nack += s.late;
      r.end += s.late;
    }
}

} // namespace starling::membership
