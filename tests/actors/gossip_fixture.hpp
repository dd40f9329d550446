#pragma once

// A gossip actor among shards of its own and peers that answer by a script.

#include "actors/gossip.hpp"
#include "actors/shard.hpp"
#include "fixture.hpp"
#include "storage/held_value.hpp"

#include <map>

namespace starling::actors {

using crdt::type;
using replication::session_id;
using replication::verdict;
using std::chrono::milliseconds;

inline constexpr milliseconds interval{1000};

inline const replication::digester digests{{}};

inline crdt::lww_register::stamp wall() {
  return 1'000'000;
}

inline std::vector<shard_actor> spawn_shards(caf::actor_system& sys, std::size_t count,
                                             crdt::replica_id replica, const gossip_actor& gossip) {
  std::vector<shard_actor> result;
  for (std::size_t i = 0; i < count; ++i)
    result.push_back(spawn_shard(sys, {.keys = {.replica = replica,
                                                .now = wall,
                                                .value_bytes_max = 1 << 20,
                                                .digests = digests,
                                                .gossip = gossip}}));
  return result;
}

inline std::vector<std::string> names_in(const replication::message& m) {
  std::vector<std::string> result;
  for (const auto& item : m.items)
    result.push_back(item.key.name);
  return result;
}

/// What the peers have: all that they were sent, or sent themselves.
class mirrors {
public:
  void join(session_id peer, const std::vector<replication::item>& items) {
    auto& [values, tree] = all_[peer];
    for (const auto& [key, part] : items) {
      auto& value = values.try_emplace(key, key).first->second;
      value.join(part, digests);
      const auto name = replication::name_of(key);
      tree.set(digests.position_of(key), name, value.digest());
    }
  }

  /// What a peer says that joins everything.
  std::string answer_to(const replication::message& m) {
    join(m.to, m.items);
    const auto& tree = all_[m.to].second;
    replication::answer a{m.to, m.from, m.sequence, verdict::joined};
    a.root = tree.root();
    if (m.walk)
      a.walk = replication::answer_to(*m.walk, tree, replication::repair_message_bytes_min).answer;
    if (m.audit)
      a.sums = replication::audit_sums(tree, *m.audit);
    return encode(a);
  }

private:
  std::map<session_id, std::pair<std::map<crdt::key, storage::held_value>, replication::hash_tree>>
      all_;
};

inline fake_peers::reply unreachable(const fake_peers::post&) {
  return caf::make_error(errc::unreachable);
}

class GossipActor : public actor_test {
protected:
  GossipActor() {
    for (const auto& shard : shards.all())
      track(shard);
    tell(gossip, shards_atom_v, shards.all());
  }

  void write(const crdt::key& key, const crdt::command& c) {
    ask<crdt::view>(shards.route(key), apply_atom_v, key, c);
  }

  /// A message from a peer with the write of one register.
  std::string message_from(session_id from, session_id to, const crdt::key& key,
                           const std::string& text) {
    crdt::lww_register written;
    written.assign(crdt::replica_id::from(from.value, 0), 5, {crdt::payload_kind::text, text});
    state_of_peers.join(from, {{key, written}});
    return replication::encode(replication::message{from, to, 1},
                               {{key, crdt::value{written}.encode()}});
  }

  void add_peer(const std::string& address, session_id session) {
    tell(gossip, peer_atom_v, make_peer(address, session.value));
  }

  /// Adds a peer that has everything there is by now.
  void add_peer_in_step(const std::string& address, session_id session) {
    peers.answer_by(joined);
    add_peer(address, session);
    advance(4 * interval);
    seen = peers.posts().size();
  }

  /// The posts since the last call that carry something; when nobody lacks anything, a round only
  /// asks.
  std::vector<fake_peers::post> new_posts() {
    std::vector<fake_peers::post> result;
    for (; seen < peers.posts().size(); ++seen)
      if (!decode_message(peers.posts()[seen].body).items.empty())
        result.push_back(peers.posts()[seen]);
    return result;
  }

  /// The message in the only post since the last call.
  replication::message new_message() {
    const auto posts = new_posts();
    EXPECT_EQ(posts.size(), 1u);
    return posts.size() == 1 ? decode_message(posts.front().body) : replication::message{};
  }

  std::uint64_t keys_here() {
    std::uint64_t result = 0;
    for (const auto& shard : shards.all())
      result += ask<std::uint64_t>(shard, report_atom_v);
    return result;
  }

  mirrors state_of_peers;
  const fake_peers::script joined = [this](const fake_peers::post& p) -> fake_peers::reply {
    return state_of_peers.answer_to(decode_message(p.body));
  };
  fake_peers peers{sys};
  fake_membership members{sys};
  const session_id self{1};
  const session_id bob{2};
  const session_id eve{3};
  gossip_actor gossip =
      track(spawn_gossip(sys, {.session = self,
                               .limits = {.message_bytes = 2000, .log_bytes = 1 << 20},
                               .digests = digests,
                               .interval = interval,
                               .random_seed = 1,
                               .peers = peers.handle(),
                               .membership = members.handle()}));
  const shard_map shards{spawn_shards(sys, 4, crdt::replica_id::from(1, 0), gossip)};
  const crdt::key config{type::register_, "config"};
  const crdt::key fruits{type::set, "fruits"};
  std::size_t seen = 0;
};

} // namespace starling::actors
