#include "actors/key.hpp"
#include "fixture.hpp"

#include <limits>

namespace starling::actors {
namespace {

using crdt::type;

const auto replica = crdt::replica_id::from(1, 2);
const auto other_replica = crdt::replica_id::from(3, 4);

crdt::lww_register::stamp wall = 0;

class KeyActor : public actor_test {
protected:
  KeyActor() { wall = 1'000'000; }

  key_actor spawn(type t, std::size_t value_bytes_max = 1 << 20) {
    return track(spawn_key(sys, {t, "k"},
                           {.replica = replica,
                            .now = [] { return wall; },
                            .value_bytes_max = value_bytes_max,
                            .digests = replication::digester{{}},
                            .gossip = gossip.handle()}));
  }

  crdt::value state_of(const key_actor& key) {
    return decode_value(ask<std::string>(key, state_atom_v));
  }

  crdt::view apply(const key_actor& key, const crdt::command& c) {
    return ask<crdt::view>(key, apply_atom_v, c);
  }

  /// The same, and the key tells its news.
  void apply_and_tell(const key_actor& key, const crdt::command& c) {
    apply(key, c);
    tell(key, news_atom_v, news_slot{});
  }

  /// The part of another replica's set that adds a member.
  static crdt::value addition(const std::string& member) {
    crdt::or_set set;
    return *set.add(other_replica, {crdt::payload_kind::text, member});
  }

  fake_gossip gossip{sys};
};

TEST_F(KeyActor, HasNoStateBeforeTheFirstWrite) {
  for (const auto t : {type::counter, type::register_, type::set})
    EXPECT_EQ(ask<std::string>(spawn(t), state_atom_v), "");
}

TEST_F(KeyActor, HasNoStateAfterACommandThatChangedNothing) {
  const auto set = spawn(type::set);
  apply(set, remove("apple"));

  EXPECT_EQ(ask<std::string>(set, state_atom_v), "");
  EXPECT_EQ(ask_error<crdt::view>(set, read_atom_v, crdt::query{}), errc::no_such_key);
}

TEST_F(KeyActor, HasNothingToReadBeforeTheFirstWrite) {
  for (const auto t : {type::counter, type::register_, type::set})
    EXPECT_EQ(ask_error<crdt::view>(spawn(t), read_atom_v, crdt::query{}), errc::no_such_key);
}

TEST_F(KeyActor, AnswersAWriteWithWhatTheClientSeesOfIt) {
  const auto counter = spawn(type::counter);
  EXPECT_EQ(apply(counter, increment(5)), counter_view(5));
  EXPECT_EQ(apply(counter, increment(-2)), counter_view(3));

  const crdt::view assigned{crdt::register_view{{crdt::payload_kind::text, "dark"}}};
  EXPECT_EQ(apply(spawn(type::register_), assign("dark")), assigned);

  const auto set = spawn(type::set);
  apply(set, add("apple"));
  EXPECT_EQ(members_of(apply(set, add("banana"))), (std::vector<std::string>{"banana"}))
      << "only what the write touched";
}

TEST_F(KeyActor, AnswersAReadWithTheWholeValue) {
  const auto set = spawn(type::set);
  apply(set, add("apple"));
  apply(set, add("banana"));

  const auto view = ask<crdt::view>(set, read_atom_v, crdt::query{});

  EXPECT_EQ(members_of(view), (std::vector<std::string>{"apple", "banana"}));
}

TEST_F(KeyActor, AnswersAReadOfAPageOrAMember) {
  const auto set = spawn(type::set);
  apply(set, add("apple"));
  apply(set, add("banana"));

  const auto page = std::get<crdt::page_view>(
      ask<crdt::view>(set, read_atom_v, crdt::query{crdt::member_page{"apple", 1}}));
  const auto member = std::get<crdt::member_view>(ask<crdt::view>(
      set, read_atom_v, crdt::query{crdt::one_member{{crdt::payload_kind::text, "pear"}}}));

  EXPECT_EQ(members_of(page.shown), (std::vector<std::string>{"banana"}));
  EXPECT_FALSE(member.present);
  EXPECT_EQ(member.cardinality, 2u);
}

TEST_F(KeyActor, TellsGossipOneDeltaOfAWrite) {
  const std::vector<std::pair<type, crdt::command>> writes{
      {type::counter, increment(5)}, {type::register_, assign("x")}, {type::set, add("apple")}};
  for (const auto& [t, command] : writes) {
    const auto before = gossip.deltas().size();
    const auto key = spawn(t);
    apply_and_tell(key, command);

    ASSERT_EQ(gossip.deltas().size(), before + 1);
    const auto& told = gossip.deltas().back();
    EXPECT_EQ(told.key, (crdt::key{t, "k"}));
    crdt::value elsewhere{t};
    elsewhere.join(told.part);
    EXPECT_EQ(elsewhere, state_of(key)) << "the delta alone brings another value to this state";
  }
}

TEST_F(KeyActor, TellsGossipOnlyWhatAWriteAdded) {
  const auto set = spawn(type::set);
  apply(set, add("apple"));
  apply(set, add("banana"));

  const auto& delta = gossip.deltas().back().part.as<crdt::or_set>();

  EXPECT_EQ(delta.members(), (std::vector<crdt::payload>{{crdt::payload_kind::text, "banana"}}));
}

TEST_F(KeyActor, LeavesEverythingAsItWasWhenItRefusesAWrite) {
  const auto counter = spawn(type::counter);
  apply(counter, increment(std::numeric_limits<std::int64_t>::max()));
  const auto before = state_of(counter);

  const auto why = ask_error<crdt::view>(counter, apply_atom_v, increment(1));

  EXPECT_EQ(why, errc::counter_range);
  EXPECT_EQ(state_of(counter), before);
  EXPECT_EQ(gossip.deltas().size(), 1u) << "of the first write";
  EXPECT_EQ(gossip.with_news().size(), 1u);
}

TEST_F(KeyActor, SaysOnceThatItHasNewsAndTellsThemTogetherWhenItIsAsked) {
  const auto counter = spawn(type::counter);
  for (int i = 0; i < 3; ++i)
    apply(counter, increment(2));
  EXPECT_EQ(gossip.with_news(), (std::vector<crdt::key>{{type::counter, "k"}}));
  EXPECT_TRUE(gossip.deltas().empty());

  tell(counter, news_atom_v, news_slot{});
  ASSERT_EQ(gossip.deltas().size(), 1u);
  crdt::value elsewhere{type::counter};
  elsewhere.join(gossip.deltas()[0].part);
  EXPECT_EQ(elsewhere, state_of(counter));
  EXPECT_EQ(gossip.digest_of({type::counter, "k"}),
            replication::digester{{}}.digest_of({type::counter, "k"}, elsewhere));

  tell(counter, news_atom_v, news_slot{});
  EXPECT_EQ(gossip.deltas().size(), 1u) << "there are none any more";
  apply(counter, increment(1));
  EXPECT_EQ(gossip.with_news().size(), 2u);
}

TEST_F(KeyActor, TellsItsNewsBeforeItGoesToRest) {
  const auto counter = spawn(type::counter);
  apply(counter, increment(2));
  EXPECT_TRUE(ask<rested_key>(counter, rest_atom_v).is_at_rest);
  EXPECT_EQ(gossip.deltas().size(), 1u);
}

TEST_F(KeyActor, TellsGossipNothingOfACommandThatChangesNothing) {
  const auto set = spawn(type::set);
  apply(set, add("apple"));
  const auto before = state_of(set);

  apply(set, remove("pear"));

  EXPECT_EQ(state_of(set), before);
  EXPECT_EQ(gossip.deltas().size(), 1u);
}

TEST_F(KeyActor, AnswersAJoinWithHowMuchWasNewAndTellsTheGossipWhat) {
  const auto set = spawn(type::set);
  auto both = addition("apple");
  ask<std::size_t>(set, join_atom_v, both);
  both.as<crdt::or_set>().add(other_replica, {crdt::payload_kind::text, "banana"});

  const auto brought = ask<std::size_t>(set, join_atom_v, both);

  EXPECT_EQ(brought, 1u);
  EXPECT_EQ(gossip.deltas().back().part.as<crdt::or_set>().members(),
            (std::vector<crdt::payload>{{crdt::payload_kind::text, "banana"}}));
  EXPECT_TRUE(gossip.sender()) << "so that it is not sent back";
  EXPECT_EQ(state_of(set), both);
}

TEST_F(KeyActor, AnswersAJoinOfTheKnownWithNothing) {
  const auto set = spawn(type::set);
  ask<std::size_t>(set, join_atom_v, addition("apple"));

  EXPECT_FALSE(ask<std::size_t>(set, join_atom_v, addition("apple")));
}

TEST_F(KeyActor, CanBeReadOnceAPeersPartIsJoined) {
  const auto set = spawn(type::set);
  ask<std::size_t>(set, join_atom_v, addition("apple"));

  EXPECT_EQ(members_of(ask<crdt::view>(set, read_atom_v, crdt::query{})),
            (std::vector<std::string>{"apple"}));
}

TEST_F(KeyActor, LetsAValueBeyondTheBoundBeMadeSmaller) {
  const auto set = spawn(type::set, 100);
  apply(set, add(std::string(200, 'x')));
  apply(set, remove(std::string(200, 'x')));
  apply(set, add("apple"));

  EXPECT_EQ(members_of(ask<crdt::view>(set, read_atom_v, crdt::query{})),
            (std::vector<std::string>{"apple"}));

  const auto reg = spawn(type::register_, 100);
  apply(reg, assign(std::string(200, 'x')));
  apply(reg, assign("short"));
}

TEST_F(KeyActor, RefusesToGrowAValueBeyondTheBoundButJoinsPeers) {
  const auto set = spawn(type::set, 100);
  apply(set, add(std::string(200, 'x')));

  EXPECT_EQ(ask_error<crdt::view>(set, apply_atom_v, add("apple")), errc::value_too_large);
  EXPECT_EQ(gossip.deltas().size(), 1u);

  EXPECT_TRUE(ask<std::size_t>(set, join_atom_v, addition("banana")))
      << "what others accepted must arrive everywhere";
  EXPECT_EQ(members_of(ask<crdt::view>(set, read_atom_v, crdt::query{})),
            (std::vector<std::string>{"banana", std::string(200, 'x')}));
}

TEST_F(KeyActor, LetsALaterWriteWinThoughTheClockWentBack) {
  const auto reg = spawn(type::register_);
  wall = 2'000'000;
  apply(reg, assign("earlier"));
  wall = 1;
  apply(reg, assign("later"));

  const auto current = state_of(reg).as<crdt::lww_register>().current();

  ASSERT_TRUE(current);
  EXPECT_EQ(current->what.data, "later");
  EXPECT_GT(current->when, 2'000'000u);
}

TEST_F(KeyActor, StampsAWriteAboveWhatItJoinedFromAFasterClock) {
  const auto reg = spawn(type::register_);
  crdt::lww_register ahead;
  ahead.assign(other_replica, 9'000'000, {crdt::payload_kind::text, "earlier"});
  ask<std::size_t>(reg, join_atom_v, crdt::value{ahead});

  apply(reg, assign("later"));

  const auto current = state_of(reg).as<crdt::lww_register>().current();
  ASSERT_TRUE(current);
  EXPECT_EQ(current->what.data, "later");
  EXPECT_GT(current->when, 9'000'000u);
}

TEST_F(KeyActor, WritesUnderTheReplicaThatItWasGiven) {
  const auto counter = spawn(type::counter);
  apply(counter, increment(1));

  const auto state = state_of(counter);
  const auto& entries = state.as<crdt::pn_counter>().entries();

  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries.begin()->first, replica);
}

TEST_F(KeyActor, WorksWithoutGossip) {
  const auto key = track(spawn_key(sys, {type::counter, "k"},
                                   {.replica = replica,
                                    .now = [] { return wall; },
                                    .value_bytes_max = 1000,
                                    .digests = replication::digester{{}},
                                    .gossip = {}}));

  EXPECT_EQ(apply(key, increment(5)), counter_view(5));
}

} // namespace
} // namespace starling::actors
