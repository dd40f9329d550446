#include "replication/tallies.hpp"

#include <utility>

namespace starling::replication {

bool tallies::raise(const tally& t) {
  if (t.changes <= of(t.replica))
    return false;
  auto& mine = known_[t.replica];
  by_version_.erase(mine.version);
  mine = {t.changes, ++version_};
  by_version_[version_] = t.replica;
  if (known_.size() > most) {
    const auto oldest = by_version_.begin();
    known_.erase(oldest->second);
    forgotten_.push_back(oldest->second);
    by_version_.erase(oldest);
  }
  return true;
}

std::uint64_t tallies::of(const crdt::replica_id& replica) const {
  const auto found = known_.find(replica);
  return found == known_.end() ? 0 : found->second.changes;
}

std::vector<tally> tallies::since(std::uint64_t version) const {
  std::vector<tally> result;
  for (auto at = by_version_.upper_bound(version); at != by_version_.end(); ++at)
    result.push_back({at->second, known_.at(at->second).changes});
  return result;
}

std::vector<crdt::replica_id> tallies::take_forgotten() {
  return std::exchange(forgotten_, {});
}

} // namespace starling::replication
