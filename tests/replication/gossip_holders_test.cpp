// Who is known to have had all that a node had, and to have lost nothing since.

#include "gossip_fixture.hpp"

namespace starling::replication {
namespace {

const session_id long_ago{77};
const digest something{1, 2};

class GossipHolders : public gossip_test {
protected:
  /// The peer says since when it has lost nothing.
  answer keeping(answer a, session_id since = long_ago) {
    a.kept_since = since;
    return a;
  }

  /// To the first question of a walk: the peer has nothing.
  static answer nothing(const message& m) {
    auto result = joined(m);
    result.walk = answer_to(*m.walk, hash_tree{}, repair_message_bytes_min).answer;
    return result;
  }

  /// Bob lacks something of ours, and the walk over him finds it.
  std::vector<crdt::key> walk_to_what_bob_lacks() {
    core.restore(key("a"), something);
    core.add_peer(bob);
    return only<read_states>(core.answered(bob, keeping(nothing(only_walk(core.round(0)))))).keys;
  }

  std::optional<session_id> holder(session_id peer) const {
    return core.had_all_and_kept_it_since(peer);
  }
};

TEST_F(GossipHolders, IsWhoDoesNotDiffer) {
  core.restore(key("a"), something);
  core.add_peer(bob);
  EXPECT_EQ(holder(bob), std::nullopt);
  core.answered(bob, keeping(same(only_walk(core.round(0)), core)));
  EXPECT_EQ(holder(bob), long_ago);
  EXPECT_EQ(holder(eve), std::nullopt);
}

TEST_F(GossipHolders, IsNobodyWhereThereIsNothing) {
  core.add_peer(bob);
  core.answered(bob, keeping(same(only_walk(core.round(0)), core)));
  EXPECT_EQ(holder(bob), std::nullopt);

  core.record(key("a"), write(1), something, {});
  EXPECT_EQ(holder(bob), std::nullopt) << "it is not told yet";
  core.answered(bob, keeping(joined(only_message(core.round(0)))));
  EXPECT_EQ(holder(bob), long_ago);
}

TEST_F(GossipHolders, IsWhoGotAllThatAWalkFoundHoweverMuchIsWrittenMeanwhile) {
  const auto keys = walk_to_what_bob_lacks();
  core.record(key("b"), write(2), {3, 4}, {});
  auto effects = core.states_read(bob, {{keys[0], write(1).encode()}});
  EXPECT_EQ(holder(bob), std::nullopt);
  for (int messages = 0; !effects.empty() && messages < 3; ++messages)
    effects = core.answered(bob, keeping(joined(only_message(effects))));
  EXPECT_EQ(holder(bob), long_ago);
}

TEST_F(GossipHolders, IsNobodyWhoRefusedSomethingUntilItHasItAllTheSame) {
  const auto keys = walk_to_what_bob_lacks();
  auto piece = core.states_read(bob, {{keys[0], write(1, 30'000).encode()}});
  auto no = joined(only_message(piece));
  no.verdict = verdict::refused;
  auto effects = core.answered(bob, no);
  ASSERT_TRUE(std::holds_alternative<value_refused>(effects.front()));
  EXPECT_FALSE(status_of(bob).behind);
  EXPECT_EQ(holder(bob), std::nullopt);

  if (effects.size() > 1)
    core.failed(bob);
  auto has_it = joined(only_message(core.round(0)));
  has_it.root = core.tree().root();
  core.answered(bob, keeping(has_it));
  EXPECT_EQ(holder(bob), long_ago);
}

TEST_F(GossipHolders, IsNobodyWhileThisNodeLacksSomethingAndThenWhoGetsThat) {
  core.lacks_data(true);
  core.restore(key("a"), something);
  core.add_peer(bob);
  core.answered(bob, keeping(same(only_walk(core.round(0)), core)));
  EXPECT_EQ(holder(bob), std::nullopt);

  core.record(key("back"), write(1), {3, 4}, eve);
  core.lacks_data(false);
  EXPECT_EQ(holder(bob), std::nullopt);
  core.answered(bob, keeping(joined(only_message(core.round(0)))));
  EXPECT_EQ(holder(bob), long_ago);
}

TEST_F(GossipHolders, IsNobodyWhileThisNodeCannotReadAll) {
  core.restore(key("a"), something);
  core.keeps_since(long_ago);
  core.cannot_read_all();
  core.add_peer(bob);
  const auto walk = only_walk(core.round(0));
  EXPECT_EQ(walk.kept_since, session_id{});
  core.answered(bob, keeping(same(walk, core)));
  EXPECT_EQ(holder(bob), std::nullopt);
}

TEST_F(GossipHolders, IsNobodyWhoDoesNotSaySinceWhen) {
  core.restore(key("a"), something);
  core.add_peer(bob);
  core.answered(bob, same(only_walk(core.round(0)), core));
  EXPECT_EQ(holder(bob), std::nullopt);
}

TEST_F(GossipHolders, SaysSinceWhenItKeepsAllInMessagesAndAnswers) {
  core.add_peer(bob);
  core.keeps_since(self);
  EXPECT_EQ(only_message(core.round(0)).kept_since, self);
  const auto asked = taken(core, message{bob, self, 1});
  EXPECT_EQ(std::get<answer>(decode_answer(core.joined(asked).bytes)).kept_since, self);
}

TEST_F(GossipHolders, SaysThatItKeepsAllSinceAnEarlierSessionOnceItKnowsWhatThePeerKnowsOfIt) {
  core.add_peer(bob);
  core.keeps_since(long_ago);
  const auto first = only_message(core.round(0));
  EXPECT_EQ(first.kept_since, not_settled) << "its disk may have been set back";
  auto busy = joined(first);
  busy.verdict = verdict::busy;
  core.answered(bob, busy);
  core.tick();
  const auto second = only_message(core.round(0));
  EXPECT_EQ(second.kept_since, not_settled) << "such an answer tells nothing";
  core.receive_answer(bob, joined(second));
  core.answered(bob, joined(second));
  EXPECT_EQ(only_message(core.round(0)).kept_since, long_ago);

  core.add_peer(eve);
  const auto asked = taken(core, message{eve, self, 1});
  EXPECT_EQ(std::get<answer>(decode_answer(core.joined(asked).bytes)).kept_since, long_ago)
      << "the first message tells all";
}

TEST_F(GossipHolders, DoesNotSayThatItKeepsAllBeforeThatIsSettled) {
  core.add_peer(bob);
  core.keeps_since(long_ago);
  core.settle(false);
  const auto said = [&](std::uint64_t number) {
    const auto asked = taken(core, message{bob, self, number});
    return std::get<answer>(decode_answer(core.joined(asked).bytes)).kept_since;
  };
  EXPECT_EQ(said(1), not_settled);
  core.settle();
  EXPECT_EQ(said(2), long_ago);
  core.begin_anew();
  EXPECT_EQ(said(3), self);
  core.lacks_data(true);
  EXPECT_EQ(said(4), not_settled) << "what it lost may come back";
  core.lacks_data(false);
  EXPECT_EQ(said(5), self);
  core.cannot_read_all();
  core.begin_anew();
  EXPECT_EQ(said(6), session_id{}) << "until its next start";
}

TEST_F(GossipHolders, IsNobodyWhoseCaseIsOpenAndThenWhatItSays) {
  core.add_peer(bob);
  const auto hear = [&](session_id since) {
    message m{bob, self, 1};
    m.kept_since = since;
    core.joined(taken(core, m));
    return core.kept_since(bob);
  };
  EXPECT_EQ(hear(not_settled), std::nullopt);
  EXPECT_TRUE(status_of(bob).is_mending);
  EXPECT_EQ(hear(long_ago), long_ago);
  EXPECT_FALSE(status_of(bob).is_mending);
  EXPECT_TRUE(status_of(bob).is_whole);
  hear({});
  EXPECT_FALSE(status_of(bob).is_mending);
  EXPECT_FALSE(status_of(bob).is_whole) << "it keeps nothing";
}

TEST_F(GossipHolders, IsAskedOnceMoreBeforeAllIsHandedOn) {
  core.add_peer(bob);
  core.answered(bob, keeping(same(only_walk(core.round(0)), core)));
  EXPECT_TRUE(status_of(bob).is_whole);
  EXPECT_TRUE(core.rounds({}).empty()) << "it lacks nothing";
  core.hear_all();
  EXPECT_FALSE(status_of(bob).is_whole);
  EXPECT_TRUE(core.rounds({bob}).empty());
  const auto asked = only_message(core.rounds({}));
  EXPECT_EQ(asked.phase, phase::asks);
  core.failed(bob);
  const auto again = only_message(core.rounds({}));
  core.answered(bob, keeping(joined(again)));
  EXPECT_TRUE(core.rounds({}).empty());
  EXPECT_TRUE(status_of(bob).is_whole);
}

TEST_F(GossipHolders, DoesNotBelieveWhatWasSaidBeforeAndComesLate) {
  core.add_peer(bob);
  const auto hear = [&](session_id since) {
    message m{bob, self, 1};
    m.kept_since = since;
    core.joined(taken(core, m));
    return core.kept_since(bob);
  };
  EXPECT_EQ(core.kept_since(bob), std::nullopt);
  EXPECT_EQ(hear(long_ago), long_ago);
  EXPECT_EQ(hear(bob), bob) << "something from before this session is gone";
  EXPECT_EQ(hear(long_ago), bob);
  EXPECT_EQ(hear({}), std::nullopt);
  EXPECT_EQ(hear(bob), std::nullopt);
}

TEST_F(GossipHolders, NoLongerSaysThatItKeepsAllOnceASetThatItHasCannotBeRead) {
  const crdt::key set{crdt::type::set, "s"};
  core.keeps_since(long_ago);
  core.restore(set, something);
  core.add_peer(bob);
  message m{bob, self, 1};
  m.comparison = row_step{set, 1, repair_request{0, 1, {0}, {}, {}}};
  const auto in = taken(core, m);
  ASSERT_TRUE(in.wanted);
  EXPECT_EQ(std::get<answer>(decode_answer(core.joined(in).bytes)).kept_since, session_id{});
}

} // namespace
} // namespace starling::replication
