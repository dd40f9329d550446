#pragma once

// The actors that a service asks, as dummies that answer by a script.

#include "../actors/fixture.hpp"
#include "node/service.hpp"

#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace starling::node {

/// What a dummy actor answers, or why it does not; nothing to leave the request waiting.
template <class T>
using scripted = std::variant<std::monostate, T, caf::error>;

/// A shard whose keys say by their names what becomes of a request.
using dummy_shard = actors::shard_actor::extend<
    // How many reads and writes wait.
    caf::result<std::uint64_t>(actors::watch_atom),
    // Answers the requests that wait.
    caf::result<void>(actors::flush_atom)>;

actors::membership_report make_membership_report();
actors::gossip_report make_gossip_report();

/// What the dummy actors say to a report.
struct node_script {
  std::optional<actors::storage_report> storage{}; // no disk
  scripted<std::uint64_t> first_shard = std::uint64_t{3};
  scripted<std::uint64_t> second_shard = std::uint64_t{4};
  scripted<std::vector<crdt::key>> first_list = std::vector<crdt::key>{};
  scripted<std::vector<crdt::key>> second_list = std::vector<crdt::key>{};
  scripted<actors::gossip_report> gossip = make_gossip_report();
  scripted<actors::membership_report> membership = make_membership_report();
};

/// The dummy actors, for a service.
struct dummy_node {
  dummy_node(caf::actor_system& sys, const node_script& script);

  service_context context() const;

  /// What was to be added to each counter, in the order in which its shard heard of it.
  using amounts = std::map<crdt::key, std::vector<std::int64_t>>;
  std::shared_ptr<amounts> written = std::make_shared<amounts>();

  std::vector<dummy_shard> shards;
  actors::gossip_actor gossip;
  actors::membership_actor membership;
  actors::storage_actor storage;
};

/// A counter whose name is one of those that say what becomes of a request, or any other.
crdt::key counter(std::string name);

inline const caf::error some_error = caf::make_error(caf::sec::runtime_error);

} // namespace starling::node
