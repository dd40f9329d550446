// The gossip actor above a disk: what was there before, and what cannot be read or written.

#include "actors/gossip.hpp"
#include "actors/shard.hpp"
#include "disk_fixture.hpp"

namespace starling::actors {
namespace {

using namespace std::chrono_literals;
using replication::session_id;

const session_id ann{1};
const session_id bob{2};
const crdt::key visitors{crdt::type::counter, "visitors"};
const crdt::key pages{crdt::type::counter, "pages"};

/// A reader that gives the pages of digests when the test says so.
class slow_digests {
public:
  explicit slow_digests(caf::actor_system& sys)
      : controls_(
            sys.spawn([s = state_](controlled_actor::pointer self) { return behave(self, s); })) {}

  reader_actor handle() const { return controls_; }

  /// Keys after which a page was asked for.
  const std::vector<std::optional<crdt::key>>& asked() const { return state_->asked; }

  /// Gives the page that is asked for. Settle afterwards.
  void give(storage::digests_page page) { caf::anon_send(controls_, std::move(page)); }
  void fail() { caf::anon_send(controls_, lost_atom_v); }

private:
  using controlled_actor =
      reader_actor::extend<caf::result<void>(storage::digests_page), caf::result<void>(lost_atom)>;
  struct state {
    std::vector<std::optional<crdt::key>> asked;
    caf::typed_response_promise<storage::digests_page> promise;
  };

  static controlled_actor::behavior_type behave(controlled_actor::pointer self,
                                                const std::shared_ptr<state>& s) {
    const auto nothing = caf::make_error(errc::disk_failed, "not here");
    return {
        [nothing](load_atom, const crdt::key&) -> caf::result<kept_value> { return nothing; },
        [nothing](load_atom, const crdt::key&, const storage::wanted_rows&)
            -> caf::result<storage::some_rows> { return nothing; },
        [nothing](read_atom, const crdt::key&, const crdt::query&) -> caf::result<crdt::view> {
          return nothing;
        },
        [nothing](state_atom, const crdt::key&) -> caf::result<std::string> { return nothing; },
        [](keys_atom, const crdt::key_query&) { return std::vector<crdt::key>{}; },
        [self, s](digests_atom,
                  const std::optional<crdt::key>& after) -> caf::result<storage::digests_page> {
          s->asked.push_back(after);
          s->promise = self->make_response_promise<storage::digests_page>();
          return s->promise;
        },
        [s](storage::digests_page& page) { s->promise.deliver(std::move(page)); },
        [s, nothing](lost_atom) { s->promise.deliver(nothing); },
    };
  }

  std::shared_ptr<state> state_ = std::make_shared<state>();
  controlled_actor controls_;
};

class GossipOnDisk : public actor_test {
protected:
  gossip_actor spawn(const reader_actor& with) {
    return track(spawn_gossip(sys, {.session = ann,
                                    .limits = {},
                                    .digests = test_digests,
                                    .interval = 1s,
                                    .random_seed = 1,
                                    .peers = peers.handle(),
                                    .membership = members.handle(),
                                    .reader = with}));
  }

  shard_actor spawn_shard_of(const gossip_actor& gossip, const storage_actor& disk,
                             const reader_actor& reader,
                             std::shared_ptr<const storage::lost_keys> lost = nullptr) {
    return track(spawn_shard(sys, {.keys = {.replica = crdt::replica_id::from(1, 1),
                                            .now = [] { return crdt::lww_register::stamp{1}; },
                                            .value_bytes_max = 1 << 20,
                                            .digests = test_digests,
                                            .gossip = gossip,
                                            .disk = disk,
                                            .reader = reader,
                                            .whole_bytes = 1 << 20},
                                   .lost = std::move(lost)}));
  }

  static std::string message_from_bob(const crdt::key& key) {
    crdt::pn_counter part;
    part.add(crdt::replica_id::from(2, 2), 1);
    replication::message m{bob, ann, 1};
    m.kept_since = bob;
    return replication::encode(m, {{key, crdt::value{part}.encode()}});
  }

  fake_peers peers{sys};
  fake_membership members{sys};
};

TEST_F(GossipOnDisk, SaysNothingBeforeItKnowsAllKeys) {
  slow_digests disk{sys};
  track(disk.handle());
  const auto gossip = spawn(disk.handle());
  tell(gossip, peer_atom_v, make_peer("bob:1", bob.value));
  advance(10s);
  EXPECT_TRUE(peers.posts().empty());
  EXPECT_EQ(ask_error<std::string>(gossip, message_atom_v, message_from_bob(visitors)),
            errc::unreachable);

  disk.give({{{pages, {0, 1}}, {visitors, {0, 2}}}});
  settle();
  disk.give({});
  settle();

  EXPECT_EQ(disk.asked(), (std::vector<std::optional<crdt::key>>{std::nullopt, visitors}));
  const auto report = ask<gossip_report>(gossip, report_atom_v);
  EXPECT_EQ(report.keys, 2u);
  EXPECT_EQ(report.root, (replication::digest{0, 3}));
  advance(2s);
  EXPECT_EQ(peers.addresses().at(0), "bob:1") << "who came meanwhile is a peer";
}

TEST_F(GossipOnDisk, GossipsEvenIfItCannotReadWhichKeysThereAre) {
  slow_digests disk{sys};
  track(disk.handle());
  const auto gossip = spawn(disk.handle());
  tell(gossip, peer_atom_v, make_peer("bob:1", bob.value));
  disk.fail();
  advance(2s);
  EXPECT_FALSE(peers.posts().empty()) << "peers have what is missing";
}

TEST_F(GossipOnDisk, DoesNotTakeAnOldDigestForThatOfAKeyThatHasChanged) {
  slow_digests disk{sys};
  track(disk.handle());
  const auto gossip = spawn(disk.handle());
  crdt::pn_counter change;
  change.add(crdt::replica_id::from(1, 1), 1);
  tell(gossip, delta_atom_v, visitors, novelty{crdt::value{change}, {0, 7}});
  disk.give({{{visitors, {0, 2}}}});
  settle();
  disk.give({});
  settle();
  EXPECT_EQ(ask<gossip_report>(gossip, report_atom_v).root, (replication::digest{0, 7}));
}

TEST_F(GossipOnDisk, AcknowledgesNothingThatTheDiskDoesNotTake) {
  const auto rows = std::make_shared<counting_store>();
  const auto reader = track(make_reader(sys, rows));
  const auto gossip = spawn(reader);
  const auto disk = track(spawn_storage(sys, {.rows = rows, .seen = {}, .has_own_thread = false}));
  const auto shard = spawn_shard_of(gossip, disk, reader);
  tell(gossip, shards_atom_v, std::vector<shard_actor>{shard});
  EXPECT_NE(ask<std::string>(gossip, message_atom_v, message_from_bob(pages)), "");

  rows->break_down({storage::trouble::full, "no room"});
  EXPECT_EQ(ask_error<std::string>(gossip, message_atom_v, message_from_bob(visitors)),
            errc::disk_full);
  EXPECT_EQ(ask<gossip_report>(gossip, report_atom_v).keys, 1u);
}

TEST_F(GossipOnDisk, TellsOnceThatAPeerHasBroughtBackWhatWasLost) {
  const auto bob_here = make_peer("bob:1", bob.value);
  const auto rows = std::make_shared<counting_store>();
  storage::lost_keys lost;
  lost.add(visitors);
  storage::batch noted;
  put(noted, lost);
  ASSERT_FALSE(rows->commit({noted}, true));
  const auto reader = track(make_reader(sys, rows));
  const auto disk = track(
      spawn_storage(sys, {.rows = rows, .seen = {}, .is_mending = true, .has_own_thread = false}));
  const auto gossip = track(
      spawn_gossip(sys, {.session = ann,
                         .limits = {},
                         .digests = test_digests,
                         .interval = 1s,
                         .random_seed = 1,
                         .peers = peers.handle(),
                         .membership = members.handle(),
                         .reader = reader,
                         .disk = disk,
                         .rescuers = keyspace::rescuers{{to_string(bob_here.id), {true, bob}}}}));
  const auto shard =
      spawn_shard_of(gossip, disk, reader, std::make_shared<const storage::lost_keys>(lost));
  tell(gossip, shards_atom_v, std::vector<shard_actor>{shard});
  EXPECT_TRUE(ask<storage_report>(disk, report_atom_v).is_mending);
  tell(gossip, peer_atom_v, bob_here);

  ask<std::string>(gossip, message_atom_v, message_from_bob(visitors));

  EXPECT_FALSE(ask<storage_report>(disk, report_atom_v).is_mending);
  EXPECT_TRUE(std::get<storage::lost_keys>(storage::read_lost_keys(*rows->now())).empty());
  EXPECT_EQ(ask<crdt::view>(shard, read_atom_v, visitors, crdt::query{}), counter_view(1));
  const auto commits = rows->groups.size();
  ask<std::string>(gossip, message_atom_v, message_from_bob(visitors));
  EXPECT_EQ(rows->groups.size(), commits);
}

} // namespace
} // namespace starling::actors
