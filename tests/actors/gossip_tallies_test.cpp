// How far nodes got: what the gossip actor keeps of it, tells and is asked.

#include "actors/gossip.hpp"
#include "actors/shard.hpp"
#include "disk_fixture.hpp"
#include "replication/confirmation.hpp"
#include "storage/tally_rows.hpp"

#include <gmock/gmock.h>

namespace starling::actors {
namespace {

using namespace std::chrono_literals;
using replication::session_id;
using replication::tally;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const session_id ann{1};
const session_id bob{2};
const auto own_id = crdt::replica_id::from(1, 1);
const auto bobs_id = crdt::replica_id::from(2, 2);
const crdt::key visitors{crdt::type::counter, "visitors"};

class GossipTalliesOnDisk : public actor_test {
protected:
  GossipTalliesOnDisk() {
    const auto shard =
        track(spawn_shard(sys, {.keys = {.replica = own_id,
                                         .now = [] { return crdt::lww_register::stamp{1}; },
                                         .value_bytes_max = 1 << 20,
                                         .digests = test_digests,
                                         .gossip = gossip,
                                         .disk = disk,
                                         .reader = reader,
                                         .whole_bytes = 1 << 20}}));
    tell(gossip, shards_atom_v, std::vector<shard_actor>{shard});
    tell(disk, shards_atom_v, std::vector<numbering_actor>{shard, gossip});
    shard_ = shard;
  }

  static std::string message_from_bob(std::vector<tally> told, std::uint64_t sequence = 1) {
    crdt::pn_counter part;
    for (std::uint64_t i = 0; i < sequence; ++i)
      part.add(bobs_id, 1);
    replication::message m{bob, ann, sequence};
    m.tallies = std::move(told);
    return replication::encode(m, {{visitors, crdt::value{part}.encode()}});
  }

  std::vector<tally> kept() const {
    return std::get<std::vector<tally>>(storage::read_tallies(*rows->now()));
  }

  std::uint64_t asked_of(const crdt::replica_id& id) {
    const auto bytes = ask<std::string>(gossip, question_atom_v, replication::encode_question(id));
    const auto said = std::get<replication::statement>(replication::decode_statement(bytes));
    EXPECT_EQ(said.from, ann);
    EXPECT_EQ(said.kept_since, ann);
    return said.changes;
  }

  std::shared_ptr<counting_store> rows = std::make_shared<counting_store>();
  fake_peers peers{sys};
  fake_membership members{sys};
  storage_actor disk = track(spawn_storage(
      sys, {.rows = rows, .seen = {}, .replica = own_id, .changes = 5, .has_own_thread = false}));
  reader_actor reader = track(make_reader(sys, rows));
  gossip_actor gossip = track(spawn_gossip(sys, {.session = ann,
                                                 .limits = {},
                                                 .digests = test_digests,
                                                 .interval = 1s,
                                                 .random_seed = 1,
                                                 .peers = peers.handle(),
                                                 .membership = members.handle(),
                                                 .reader = reader,
                                                 .own = tally{own_id, 5},
                                                 .others = {{bobs_id, 3}},
                                                 .storage = disk}));
  shard_actor shard_;
};

TEST_F(GossipTalliesOnDisk, AreAnsweredToWhoAsks) {
  EXPECT_EQ(asked_of(bobs_id), 3u);
  EXPECT_EQ(asked_of(own_id), 5u);
  EXPECT_EQ(asked_of(crdt::replica_id::from(9, 9)), 0u);
  EXPECT_EQ(ask_error<std::string>(gossip, question_atom_v, std::string{"x"}), errc::bad_message);
}

TEST_F(GossipTalliesOnDisk, AreCommittedWithWhatCameAlongAndOneSync) {
  const auto syncs = rows->syncs;
  ask<std::string>(gossip, message_atom_v, message_from_bob({{bobs_id, 4}}));
  EXPECT_THAT(kept(), ElementsAre(tally{bobs_id, 4}));
  EXPECT_EQ(rows->syncs, syncs + 1);
  EXPECT_EQ(asked_of(bobs_id), 4u);

  ask<std::string>(gossip, message_atom_v, message_from_bob({{bobs_id, 4}}, 2));
  EXPECT_EQ(rows->groups.back(), 1u) << "they are known";
}

TEST_F(GossipTalliesOnDisk, OfThisNodeCountWhatItWritesAndAreTold) {
  peers.answer_by([](const fake_peers::post&) { return caf::make_error(errc::unreachable); });
  tell(gossip, peer_atom_v, make_peer("bob:1", bob.value));
  ask<crdt::view>(shard_, apply_atom_v, visitors, increment(1));
  ask<gossip_report>(gossip, report_atom_v); // the key has told it
  EXPECT_EQ(asked_of(own_id), 6u);
  EXPECT_EQ(std::get<0>(storage::read_own_changes(*rows->now())), 6u);
  advance(2s);
  ASSERT_FALSE(peers.posts().empty());
  EXPECT_THAT(decode_message(peers.posts().back().body).tallies,
              ElementsAre(tally{bobs_id, 3}, tally{own_id, 7}))
      << "its start counts, too";
  EXPECT_EQ(std::get<0>(storage::read_own_changes(*rows->now())), 7u);
  EXPECT_THAT(kept(), IsEmpty()) << "its own has a row of its own";
}

TEST_F(GossipTalliesOnDisk, AreCommittedInTimeThoughNothingElseIs) {
  ask<std::string>(gossip, message_atom_v,
                   replication::encode(
                       [] {
                         replication::message m{bob, ann, 1};
                         m.tallies = {{bobs_id, 9}};
                         return m;
                       }(),
                       {}));
  advance(6s);
  EXPECT_THAT(kept(), ElementsAre(tally{bobs_id, 9}));
}

TEST_F(GossipTalliesOnDisk, OfMoreChangesThanThisNodeKnowsEndItsId) {
  ask<std::string>(gossip, message_atom_v, message_from_bob({{own_id, 6}}));
  const auto fresh = ask<storage_report>(disk, report_atom_v).replica;
  ASSERT_TRUE(fresh);
  EXPECT_NE(*fresh, own_id);

  ask<crdt::view>(shard_, apply_atom_v, visitors, increment(1));
  const auto value = decode_value(ask<std::string>(shard_, state_atom_v, visitors));
  EXPECT_TRUE(value.as<crdt::pn_counter>().entries().contains(*fresh));
  EXPECT_EQ(asked_of(*fresh), 6u);
}

} // namespace
} // namespace starling::actors
