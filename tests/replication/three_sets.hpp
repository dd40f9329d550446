#pragma once

// Three replicas of a set that change at random, for tests that bring two of them together.

#include "crdt/or_set.hpp"
#include "tests/crdt/names.hpp"

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace starling::replication {

/// The replicas hear of each other's changes, of some late or never. Equal seeds give equal
/// changes.
class three_sets {
public:
  explicit three_sets(std::uint64_t seed) : sets(3), random_(seed) {}

  void step() {
    const auto i = random_() % sets.size();
    auto& set = sets[i];
    const auto self = crdt::replica_id::from(i + 1, 1);
    const auto member = crdt::text(std::to_string(random_() % 60));
    std::optional<crdt::or_set> delta;
    if (const auto kind = random_() % 6; kind < 2)
      delta = set.add(self, member, sets[random_() % 3].context(member));
    else if (kind == 2)
      delta = set.remove(self, member, sets[random_() % 3].context(member));
    else if (!messages_.empty())
      delta = set.join(messages_[random_() % messages_.size()]);
    if (delta)
      messages_.push_back(std::move(*delta));
  }

  std::vector<crdt::or_set> sets;

private:
  std::mt19937_64 random_;
  std::vector<crdt::or_set> messages_;
};

} // namespace starling::replication
