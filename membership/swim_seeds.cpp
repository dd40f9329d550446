// The search for others by the seeds, and what is said if nobody is found.

#include "membership/swim.hpp"

#include <algorithm>
#include <iterator>

namespace starling::membership {

void swim::seeds_due() {
  auto names = seeds_.due(now_, random_, [this](const node_id& id) { return is_live(id); });
  std::ranges::move(names, std::back_inserter(out_.lookups));
}

void swim::found(duration now, const std::string& seed, std::vector<std::string> addresses) {
  begin(now);
  seeds_.found(seed, std::move(addresses), now_, random_,
               [this](const node_id& id) { return is_live(id); });
  ask_seeds();
  finish();
}

void swim::not_found(duration now, const std::string& seed, const std::string& why) {
  begin(now);
  seeds_.not_found(seed, why, now_, random_);
  finish();
}

void swim::ask_seeds() {
  for (auto& [seed, address] : seeds_.to_ask())
    sync_with(address, seed, {}, 0);
}

void swim::seed_failed(const pending_call& c, const std::string& why) {
  seeds_.failed({*c.seed, c.address}, why, now_, random_);
}

/// Whether this node, if it is alone, should know others: it has seeds, or was refused, or knows of
/// members that died. A member that left does not count, nor one that had our address before us.
bool swim::should_know_others() const {
  return !seeds_.is_empty() || !refused_by_.is_empty() ||
         std::ranges::any_of(table_.entries(), [this](const auto& one) {
           const auto& [id, entry] = one;
           const auto& profile = entry.record.profile;
           return id != id_ && entry.record.status.is == member_state::dead && profile &&
                  profile->udp != profile_.udp;
         });
}

/// When a node that is alone is to say so.
std::optional<duration> swim::alone_due() const {
  if (!started_ || is_leaving() || alone_ || !live_.empty() || !should_know_others())
    return std::nullopt;
  return alone_since_ + (seeds_.are_tried() ? settings_.alone_after : settings_.alone_at_last);
}

void swim::check_company() {
  if (!live_.empty() || is_leaving())
    alone_since_ = now_;
  if (alone_ && (!live_.empty() || is_leaving())) {
    alone_ = false;
    emit(event_kind::accompanied, self());
  } else if (const auto due = alone_due(); due && *due <= now_) {
    alone_ = true;
    emit(event_kind::alone, self());
  }
}

} // namespace starling::membership
