// The gossip actor when it is sent something.

#include "gossip_fixture.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <gmock/gmock.h>
#include <iterator>

namespace starling::actors {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(GossipActor, JoinsAMessageAndAnswersIt) {
  const auto answer = decode_answer(
      ask<std::string>(gossip, message_atom_v, message_from(bob, self, config, "dark")));

  EXPECT_EQ(answer.verdict, verdict::joined);
  EXPECT_EQ(answer.sequence, 1u);
  EXPECT_NE(answer.root, replication::digest{}) << "it has something now";
  const crdt::view expected{crdt::register_view{{crdt::payload_kind::text, "dark"}}};
  EXPECT_EQ(ask<crdt::view>(shards.route(config), read_atom_v, config, crdt::query{}), expected);
}

TEST_F(GossipActor, AnswersAnEmptyMessageAtOnce) {
  const auto answer = decode_answer(ask<std::string>(
      gossip, message_atom_v, replication::encode(replication::message{bob, self, 7}, {})));

  replication::answer expected{self, bob, 7, verdict::joined};
  expected.kept_since = self;
  EXPECT_EQ(answer, expected);
}

TEST_F(GossipActor, PassesOnWhatWasNewButNotToWhereItCameFrom) {
  add_peer_in_step("bob:1", bob);
  add_peer_in_step("eve:1", eve);
  ask<std::string>(gossip, message_atom_v, message_from(bob, self, config, "dark"));

  advance(10 * interval);

  const auto posts = new_posts();
  ASSERT_EQ(posts.size(), 1u);
  EXPECT_EQ(posts.front().address, "eve:1");
  EXPECT_THAT(names_in(decode_message(posts.front().body)), ElementsAre("config"));
}

TEST_F(GossipActor, PassesOnNothingThatItKnew) {
  add_peer_in_step("eve:1", eve);
  ask<std::string>(gossip, message_atom_v, message_from(bob, self, config, "dark"));
  advance(interval);
  EXPECT_EQ(new_posts().size(), 1u);

  ask<std::string>(gossip, message_atom_v, message_from(bob, self, config, "dark"));
  advance(10 * interval);

  EXPECT_THAT(new_posts(), IsEmpty());
}

TEST_F(GossipActor, PassesOnNothingToOneWhoHasItFromElsewhere) {
  add_peer_in_step("bob:1", bob);
  const auto from_eve = message_from(eve, self, config, "dark");
  auto from_bob = decode_message(from_eve);
  from_bob.from = bob;
  state_of_peers.join(bob, from_bob.items);
  ask<std::string>(gossip, message_atom_v, from_eve);

  ask<std::string>(gossip, message_atom_v,
                   replication::encode(replication::message{bob, self, 1},
                                       {{config, from_bob.items.at(0).part.encode()}}));

  advance(2 * interval);
  EXPECT_THAT(new_posts(), IsEmpty());
}

TEST_F(GossipActor, AnswersWithWhatThePeerLacks) {
  add_peer_in_step("bob:1", bob);
  write(config, assign("dark"));

  const auto answer = decode_answer(ask<std::string>(
      gossip, message_atom_v,
      replication::encode(replication::message{bob, self, 1, 0, replication::phase::asks}, {})));

  ASSERT_EQ(answer.items.size(), 1u);
  EXPECT_EQ(answer.items[0].key, config);
  state_of_peers.join(bob, answer.items);
  ask<std::string>(gossip, message_atom_v,
                   replication::encode(replication::message{bob, self, 2, answer.offer}, {}));
  advance(3 * interval);
  EXPECT_THAT(new_posts(), IsEmpty()) << "it is acknowledged";
}

TEST_F(GossipActor, JoinsWhatAnAnswerOffersBeforeItAcknowledges) {
  add_peer_in_step("bob:1", bob);
  bool has_offered = false;
  peers.answer_by([&](const fake_peers::post& p) -> fake_peers::reply {
    const auto m = decode_message(p.body);
    if (std::exchange(has_offered, true))
      return joined(p);
    crdt::lww_register dark;
    dark.assign(crdt::replica_id::from(bob.value, 0), 5, {crdt::payload_kind::text, "dark"});
    state_of_peers.join(bob, {{config, dark}});
    return encode(replication::answer{m.to, m.from, m.sequence, verdict::joined, 9},
                  {{config, crdt::value{dark}.encode()}});
  });
  const auto before = peers.posts().size();

  advance(interval);

  ASSERT_EQ(peers.posts().size(), before + 2);
  EXPECT_EQ(decode_message(peers.posts().back().body).acknowledged, 9u);
  EXPECT_EQ(keys_here(), 1u);
}

TEST_F(GossipActor, AsksSomebodyWhenNobodyLacksAnything) {
  add_peer_in_step("bob:1", bob);
  const auto before = peers.posts().size();

  advance(3 * interval);

  ASSERT_EQ(peers.posts().size(), before + 3);
  const auto m = decode_message(peers.posts().back().body);
  EXPECT_EQ(m.phase, replication::phase::asks);
  EXPECT_THAT(m.items, IsEmpty());
}

TEST_F(GossipActor, JoinsNothingThatIsMeantForAnotherSession) {
  const auto answer = decode_answer(
      ask<std::string>(gossip, message_atom_v, message_from(bob, session_id{99}, config, "dark")));

  EXPECT_EQ(answer.verdict, verdict::other_session);
  EXPECT_EQ(answer.from, self);
  EXPECT_EQ(keys_here(), 0u);
}

TEST_F(GossipActor, RefusesGarbage) {
  const auto good = message_from(bob, self, config, "dark");
  auto flipped = good;
  flipped.front() = static_cast<char>(~flipped.front());

  for (const auto& bytes : {std::string{}, std::string{"garbage"}, good.substr(0, good.size() - 1),
                            good + '\0', flipped, std::string(1000, '\xff')})
    EXPECT_EQ(ask_error<std::string>(gossip, message_atom_v, bytes), errc::bad_message);

  EXPECT_EQ(keys_here(), 0u);
}

/// Keys that join nothing before they are told to.
class slow_shard {
public:
  slow_shard(caf::actor_system& sys, gossip_actor gossip)
      : state_(std::make_shared<state>(state{std::move(gossip), {}})),
        actor_(sys.spawn([s = state_](controlled_actor::pointer) { return behave(s); })) {}

  shard_actor handle() const { return actor_; }
  std::size_t waiting() const { return state_->slots.size(); }

  /// Answers the join that waits longest. Settle afterwards.
  void join_one() { caf::anon_send(actor_, tick_atom_v); }

private:
  using controlled_actor = shard_actor::extend<caf::result<void>(tick_atom)>;
  struct state {
    gossip_actor gossip;
    std::vector<join_slot> slots;
  };

  static controlled_actor::behavior_type behave(const std::shared_ptr<state>& s) {
    return {
        [](apply_atom, const std::vector<write_slot>&) {},
        [s](join_atom, std::vector<join_slot>& slots) {
          std::ranges::move(slots, std::back_inserter(s->slots));
        },
        [](news_atom, const std::vector<news_slot>&) {},
        [](read_atom, const crdt::key&, const crdt::query&) -> caf::result<crdt::view> {
          return errc::no_such_key;
        },
        [](state_atom, const crdt::key&) -> caf::result<std::string> { return errc::no_such_key; },
        [](keys_atom, const crdt::key_query&) { return std::vector<crdt::key>{}; },
        [](renew_atom, const crdt::replica_id&, const storage::renewal&) {},
        [](mended_atom) {},
        [](report_atom) { return std::uint64_t{0}; },
        [s](tick_atom) {
          auto first = std::move(s->slots.front());
          s->slots.erase(s->slots.begin());
          const auto& [key, part, from, elements] = first.order();
          caf::anon_send(s->gossip, delta_atom_v, key, novelty{part, {}, {}, from});
          first.answer(elements);
        },
    };
  }

  std::shared_ptr<state> state_;
  controlled_actor actor_;
};

TEST_F(GossipActor, AnswersAMessageOnlyOnceEveryKeyHasJoinedItsPart) {
  slow_shard shard{sys, gossip};
  track(shard.handle());
  tell(gossip, shards_atom_v, std::vector<shard_actor>{shard.handle()});
  add_peer_in_step("eve:1", eve);
  crdt::pn_counter part;
  part.add(crdt::replica_id::from(2, 0), 1);
  const auto bytes = crdt::value{part}.encode();
  const auto message =
      replication::encode(replication::message{bob, self, 1},
                          {{{type::counter, "a"}, bytes}, {{type::counter, "b"}, bytes}});

  const auto answer = start_asking<std::string>(gossip, message_atom_v, message);
  EXPECT_EQ(shard.waiting(), 2u);
  EXPECT_TRUE(answer->is_pending());

  shard.join_one();
  settle();
  EXPECT_TRUE(answer->is_pending());

  shard.join_one();
  settle();
  ASSERT_TRUE(answer->value);
  EXPECT_EQ(decode_answer(*answer->value).verdict, verdict::joined);
  EXPECT_EQ(ask<gossip_report>(gossip, report_atom_v).log_entries, 2u)
      << "the novelties were in the log by then";
}

} // namespace
} // namespace starling::actors
