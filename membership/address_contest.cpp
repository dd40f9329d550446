#include "membership/address_contest.hpp"

#include <algorithm>
#include <utility>

namespace starling::membership {

address_contest::claim address_contest::claimed(const node_id& who, bool is_older, duration now) {
  if (is_older && evicted_ != who) {
    evicted_ = who;
    return claim::of_predecessor;
  }
  last_claimant_ = who;
  last_claim_ = now;
  if (is_older)
    return claim::insisted;
  return std::exchange(rival_, who) == who ? claim::repeated : claim::of_rival;
}

void address_contest::withdrawn(const node_id& who, duration now) {
  if (rival_ == who)
    end(now);
}

void address_contest::moved(duration now) {
  end(now);
  last_claimant_.reset();
}

/// Without a rival this node is believed, so it may refute at once.
void address_contest::end(duration now) {
  rival_.reset();
  wait_ = duration{0};
  not_before_ = now;
}

std::optional<node_id> address_contest::last_claimant(duration now) const {
  if (!rival_ && now - last_claim_ > memory())
    return std::nullopt;
  return last_claimant_;
}

bool address_contest::may_refute(const incarnation& accused, duration now) {
  if (!rival_)
    return true;
  if (now < not_before_) {
    kept_ = std::max(accused, kept_.value_or(accused));
    return false;
  }
  wait_ = std::clamp(2 * wait_, timing_.wait_min, timing_.wait_max);
  not_before_ = now + wait_;
  return true;
}

std::optional<incarnation> address_contest::due(duration now) {
  if (now < not_before_)
    return std::nullopt;
  return std::exchange(kept_, std::nullopt);
}

std::optional<duration> address_contest::next_due() const {
  if (!kept_)
    return std::nullopt;
  return not_before_;
}

} // namespace starling::membership
