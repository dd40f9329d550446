#pragma once

// A gossip core under test, alone: the test plays its peers.

#include "replication/gossip.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace starling::replication {

inline const session_id self{1};
inline const session_id bob{2};
inline const session_id eve{3};
inline const auto replica = crdt::replica_id::from(7, 7);

inline crdt::key key(std::string name) {
  return {crdt::type::register_, std::move(name)};
}

/// A write of some bytes; a later one (by `when`) wins.
inline crdt::value write(std::uint64_t when, std::size_t size = 1) {
  crdt::lww_register result;
  result.assign(replica, when, {crdt::payload_kind::bytes, std::string(size, 'x')});
  return result;
}

inline const digester digests{{}};

/// The one effect of that kind; fails without it.
template <class Effect>
Effect only(const std::vector<effect>& effects) {
  EXPECT_EQ(effects.size(), 1u);
  if (effects.size() == 1)
    if (const auto* found = std::get_if<Effect>(&effects.front()))
      return *found;
  ADD_FAILURE() << "not the one effect that was expected";
  return {};
}

/// The one message that is to be sent.
inline message only_message(const std::vector<effect>& effects) {
  const auto sent = only<send_message>(effects);
  const auto result = decode_message(sent.bytes);
  if (const auto* m = std::get_if<message>(&result)) {
    EXPECT_EQ(m->to, sent.peer);
    return *m;
  }
  ADD_FAILURE() << std::get<wire::decode_error>(result).what;
  return {};
}

inline answer joined(const message& m) {
  return {m.to, m.from, m.sequence, verdict::joined};
}

/// The one message that is to be sent, the first of a walk.
inline message only_walk(const std::vector<effect>& effects) {
  auto result = only_message(effects);
  EXPECT_TRUE(result.walk && result.walk->depth == 0);
  return result;
}

/// To the first question of a walk: there is no difference.
inline answer same(const message& m, const gossip& core) {
  auto result = joined(m);
  result.root = core.tree().root();
  result.walk = answer_to(*m.walk, core.tree(), repair_message_bytes_min).answer;
  return result;
}

using items = std::vector<item>;

class gossip_test : public ::testing::Test {
protected:
  /// A peer that has everything that there is. (Nobody else lacks anything.)
  void add_current_peer(session_id peer) { add_current_peer(core, peer); }

  static void add_current_peer(gossip& to, session_id peer) {
    to.add_peer(peer);
    EXPECT_TRUE(to.answered(peer, same(only_walk(to.round(0)), to)).empty());
  }

  /// Logs something. Its key has no digest, as if nobody had it: these tests are about the log.
  void record(const crdt::key& k, const crdt::value& delta, std::optional<session_id> from = {}) {
    record(core, k, delta, from);
  }

  static void record(gossip& in, const crdt::key& k, const crdt::value& delta,
                     std::optional<session_id> from = {}) {
    in.record(k, delta, {}, from);
  }

  /// Has the peer answer until a message to it may hold much.
  static void make_room(gossip& to, session_id peer) {
    for (std::uint64_t n = 1; n <= 8; ++n) {
      record(to, key("room"), write(n));
      to.answered(peer, joined(only_message(to.round(0))));
    }
  }

  /// What is to be done for a message that there is something to be done for.
  static gossip::incoming taken(gossip& by, const message& m) {
    auto result = by.receive(m);
    EXPECT_TRUE(std::holds_alternative<gossip::incoming>(result));
    return std::get<gossip::incoming>(std::move(result));
  }

  /// A peer sends this.
  void hear(session_id peer, std::vector<item> what) {
    core.joined(taken(core, message{peer, self, 1, 0, phase::goes_on, std::move(what)}));
  }

  gossip::peer_status status_of(session_id peer) const {
    for (const auto& status : core.status())
      if (status.peer == peer)
        return status;
    ADD_FAILURE() << "no such peer";
    return {};
  }

  /// Which of the first draws picks a peer of two.
  static std::uint64_t draw(session_id peer) { return peer == bob ? 0 : 1; }

  gossip core{self, {.message_bytes = 200, .log_bytes = 2500}, digests};
};

} // namespace starling::replication
