#include "membership/member_table.hpp"

#include <algorithm>

namespace starling::membership {

change member_table::join(const member& said, duration since) {
  if (is_forgotten(said))
    return {};
  const auto [place, is_new] = entries_.try_emplace(said.id, entry{said, since});
  if (is_new) {
    forgotten_.erase(said.id);
    digest_ ^= digest_of(said);
    return {.status = true,
            .accusers = said.status.accusers.size() > 0,
            .profile = said.profile.has_value()};
  }
  auto& known = place->second;
  const auto before = digest_of(known.record);
  const auto was = known.record.status.is;
  const auto changed = membership::join(known.record, said);
  if (changed.status && was != known.record.status.is)
    known.since = since;
  digest_ ^= before ^ digest_of(known.record);
  return changed;
}

const member_table::entry* member_table::find(const node_id& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

void member_table::forget(const node_id& id, duration now) {
  const auto found = entries_.find(id);
  if (found == entries_.end())
    return;
  digest_ ^= digest_of(found->second.record);
  forgotten_[id] = {found->second.record.status.at, now};
  entries_.erase(found);
}

void member_table::forget_life(const node_id& id, std::uint64_t before, duration now) {
  if (find(id) == nullptr)
    return;
  erase(id);
  forgotten_[id] = {{before, 0}, now, true};
}

void member_table::erase(const node_id& id) {
  const auto found = entries_.find(id);
  if (found == entries_.end())
    return;
  digest_ ^= digest_of(found->second.record);
  entries_.erase(found);
}

void member_table::recall(const member& said, duration now) {
  const auto found = forgotten_.find(said.id);
  const member as_it_was{said.id, {found->second.at, member_state::dead, {}}, said.profile};
  forgotten_.erase(found);
  digest_ ^= digest_of(as_it_was);
  entries_.insert_or_assign(said.id, entry{as_it_was, now});
}

void member_table::prune_forgotten(duration now, duration age, std::size_t most) {
  std::erase_if(forgotten_, [&](const auto& one) { return now - one.second.since > age; });
  while (forgotten_.size() > most)
    forgotten_.erase(
        std::ranges::min_element(forgotten_, {}, [](const auto& one) { return one.second.since; }));
}

bool member_table::is_forgotten(const member& said) const {
  const auto found = forgotten_.find(said.id);
  if (found == forgotten_.end())
    return false;
  const auto& [at, since, takes_verdicts] = found->second;
  if (takes_verdicts)
    return said.status.at.generation <= at.generation && said.status.is < member_state::dead;
  return said.status.at <= at;
}

} // namespace starling::membership
