#include "actors/end_on_error.hpp"
#include "actors/gossip.hpp"
#include "actors/shard.hpp"
#include "fixture.hpp"

#include <stdexcept>

namespace starling::actors {
namespace {

class LastWords : public actor_test {
protected:
  LastWords() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  fake_peers peers{sys};
  fake_membership members{sys};
};

TEST_F(LastWords, NameWhoDiedOfWhat) {
  EXPECT_DEATH(end_process("somebody", "of something"), "somebody.*of something");
}

TEST_F(LastWords, DescribeWhatWasThrown) {
  EXPECT_EQ(describe(std::make_exception_ptr(std::runtime_error{"no luck"})), "no luck");
  EXPECT_FALSE(describe(std::make_exception_ptr(42)).empty());
}

TEST_F(LastWords, EndTheProcessWhenAKeyActorThrows) {
  const auto key = track(spawn_key(
      sys, {crdt::type::counter, "k"},
      {.replica = {},
       .now = []() -> crdt::lww_register::stamp { throw std::runtime_error{"the clock is gone"}; },
       .value_bytes_max = 1000,
       .digests = replication::digester{{}},
       .gossip = {}}));

  EXPECT_DEATH(tell(key, apply_atom_v, slot_for(increment(1))), "key.*the clock is gone");
}

TEST_F(LastWords, EndTheProcessWhenAKeyActorReceivesAnErrorThatNobodyWaitsFor) {
  const auto key = track(spawn_key(sys, {crdt::type::counter, "k"},
                                   {.replica = {},
                                    .now = nullptr,
                                    .value_bytes_max = 1000,
                                    .digests = replication::digester{{}},
                                    .gossip = {}}));

  EXPECT_DEATH(
      {
        caf::actor_cast<caf::actor>(key)->eq_impl(caf::make_message_id(), nullptr, nullptr,
                                                  caf::make_error(errc::exhausted));
        settle();
      },
      "key.*exhausted");
}

TEST_F(LastWords, EndTheProcessWhenAShardIsLostToTheGossipActor) {
  const auto gossip = track(spawn_gossip(sys, {.session = {1},
                                               .limits = {},
                                               .digests = replication::digester{{}},
                                               .interval = std::chrono::seconds{1},
                                               .random_seed = 1,
                                               .peers = peers.handle(),
                                               .membership = members.handle()}));
  const auto shard = track(spawn_shard(sys, {.keys = {.replica = {},
                                                      .now = nullptr,
                                                      .value_bytes_max = 1000,
                                                      .digests = replication::digester{{}},
                                                      .gossip = gossip}}));
  tell(gossip, shards_atom_v, std::vector<shard_actor>{shard});
  crdt::pn_counter part;
  part.add({}, 1);
  const auto message =
      replication::encode(replication::message{{2}, {1}, 1},
                          {{{crdt::type::counter, "k"}, crdt::value{part}.encode()}});

  EXPECT_DEATH(
      {
        caf::anon_send_exit(shard, caf::exit_reason::kill);
        tell(gossip, message_atom_v, message);
      },
      "gossip.*a shard does not answer");
  caf::anon_send_exit(shard, caf::exit_reason::kill);
}

} // namespace
} // namespace starling::actors
