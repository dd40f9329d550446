// What is recorded while a peer cannot be sent the end of the log yet. The test plays the peers.

#include "gossip_fixture.hpp"

namespace starling::replication {
namespace {

/// An answer that says nothing but what became of the message.
answer verdict_on(const message& m, verdict v) {
  auto result = joined(m);
  result.verdict = v;
  return result;
}

class GossipEarly : public gossip_test {
protected:
  /// What a peer that has other keys than we says to the first question of a walk.
  answer differs(const message& m) {
    auto result = joined(m);
    result.walk = answer_to(*m.walk, theirs, repair_message_bytes_min).answer;
    result.root = theirs.root();
    return result;
  }

  /// Prompted, we send this early, and nothing else.
  message early(gossip& by) {
    EXPECT_TRUE(by.may_prompt());
    auto m = only_message(by.prompt(0));
    EXPECT_TRUE(m.is_early);
    return m;
  }

  /// The next message, whatever states are read for it: they are gone.
  message message_in(std::vector<effect> effects) {
    while (!effects.empty() && std::holds_alternative<read_states>(effects.front()))
      effects = core.states_read(bob, {});
    return only_message(effects);
  }

  void fill(hash_tree& tree, const std::string& prefix) {
    for (std::uint64_t i = 1; i <= 300; ++i) {
      const auto one = key(prefix + std::to_string(i));
      tree.set(digests.position_of(one), name_of(one), {3 * i + 1, 5 * i + 2});
    }
  }

  /// We have many keys, as the peer has others.
  void become_different() {
    fill(theirs, "theirs");
    for (std::uint64_t i = 1; i <= 300; ++i)
      core.restore(key("ours" + std::to_string(i)), {i, i});
  }

  hash_tree theirs;
  const items news{{key("new"), write(1)}};
};

TEST_F(GossipEarly, ANewPeerIsToldBeforeItIsWalkedOver) {
  core.add_peer(bob);
  record(key("new"), write(1));

  EXPECT_EQ(early(core).items, news);
}

TEST_F(GossipEarly, APeerThatIsWalkedOverIsToldAfterTheStepUnderWay) {
  become_different();
  core.add_peer(bob);
  const auto question = only_walk(core.round(0));
  record(key("new"), write(1));
  EXPECT_TRUE(core.prompt(0).empty()) << "it is busy";

  const auto m = only_message(core.answered(bob, differs(question)));
  EXPECT_TRUE(m.is_early);
  EXPECT_EQ(m.items, news);
  EXPECT_TRUE(message_in(core.answered(bob, joined(m))).walk) << "the walk goes on";
}

TEST_F(GossipEarly, TheWalkGoesOnHoweverMuchIsWritten) {
  become_different();
  core.add_peer(bob);
  const auto question = only_walk(core.round(0));
  record(key("new"), write(1));
  const auto told = only_message(core.answered(bob, differs(question)));
  ASSERT_TRUE(told.is_early);
  record(key("new"), write(2)); // it is not told at once again

  const auto next = core.answered(bob, joined(told));
  EXPECT_TRUE(std::holds_alternative<read_states>(next.front()) || only_message(next).walk);
}

TEST_F(GossipEarly, APeerThatHasNoTimeForAWalkIsTold) {
  become_different();
  core.add_peer(bob);
  const auto second = message_in(core.answered(bob, differs(only_walk(core.round(0)))));
  ASSERT_TRUE(second.walk);
  EXPECT_TRUE(core.answered(bob, verdict_on(second, verdict::busy)).empty());
  record(key("new"), write(1));

  EXPECT_EQ(early(core).items, news) << "before the next tick";
}

TEST_F(GossipEarly, APeerThatWalksOverUsIsTold) {
  become_different();
  core.add_peer(bob);
  core.joined(taken(core, message{.from = bob,
                                  .to = self,
                                  .sequence = 1,
                                  .walk = repair_request{1, 1, {0, 1}, {}, {}}}));
  EXPECT_FALSE(core.may_prompt()) << "it is not walked over at the same time";
  record(key("new"), write(1));

  EXPECT_EQ(early(core).items, news);
}

TEST_F(GossipEarly, APeerThatWaitsForAnothersWalkIsTold) {
  become_different();
  core.add_peer(bob);
  core.add_peer(eve);
  core.answered(bob, differs(only_walk(core.round(0)))); // that walk goes on
  EXPECT_TRUE(core.answered(eve, differs(only_walk(core.round(0)))).empty());
  record(key("new"), write(1));

  const auto m = early(core);
  EXPECT_EQ(m.to, eve);
  EXPECT_EQ(m.items, news);
}

TEST_F(GossipEarly, APeerThatIsSentSomethingLongIsToldBetweenThePieces) {
  add_current_peer(bob);
  record(key("long"), write(1, 1000));
  const auto first = only_message(core.round(0));
  ASSERT_TRUE(first.piece);
  record(key("new"), write(1));

  const auto m = only_message(core.answered(bob, joined(first)));
  EXPECT_TRUE(m.is_early);
  EXPECT_EQ(m.items, news);
  auto next = only_message(core.answered(bob, joined(m)));
  while (next.piece && next.piece->offset + next.piece->bytes.size() < next.piece->size)
    next = only_message(core.answered(bob, joined(next)));
  EXPECT_TRUE(core.answered(bob, joined(next)).empty()) << "nothing is sent twice";
  EXPECT_EQ(status_of(bob).pending, 0u);
}

TEST_F(GossipEarly, WhatWasNotAcknowledgedIsToldAgainAndMovesNoCursor) {
  add_current_peer(eve); // for whom the log is kept
  core.add_peer(bob);
  record(key("new"), write(1));
  early(core);
  core.failed(bob);
  record(key("newer"), write(1));

  const auto m = only_message(core.retry(bob));
  EXPECT_TRUE(m.is_early);
  EXPECT_EQ(m.items.size(), 2u);
  EXPECT_TRUE(status_of(bob).behind);
  only_walk(core.answered(bob, joined(m)));
  EXPECT_TRUE(status_of(bob).behind);
}

TEST_F(GossipEarly, WhatIsTooLargeWaitsForItsTurn) {
  core.add_peer(bob);
  record(key("large"), write(1, 1000));
  record(key("new"), write(1));

  EXPECT_EQ(early(core).items, news);
}

TEST_F(GossipEarly, NoPeerIsToldWhatItSentItself) {
  core.add_peer(bob);
  record(key("new"), write(1), bob);

  only_walk(core.prompt(0));
}

TEST_F(GossipEarly, WhoReceivesItDoesNotTakeItForAllThatTheSenderHas) {
  core.add_peer(bob);
  auto m = message{bob, self, 1, 0, phase::goes_on, news};
  m.is_early = true;
  core.lacks_data(true);

  core.joined(taken(core, m));

  EXPECT_FALSE(core.has_caught_up_with(bob));
}

TEST_F(GossipEarly, WhoIsToldGoesOnBeingWalkedOver) {
  become_different();
  core.add_peer(bob);
  core.joined(taken(core, message{.from = bob,
                                  .to = self,
                                  .sequence = 1,
                                  .walk = repair_request{1, 1, {0, 1}, {}, {}}}));
  auto m = message{bob, self, 2, 0, phase::goes_on, news};
  m.is_early = true;

  core.joined(taken(core, m));

  EXPECT_TRUE(core.was_put_off()) << "bob still walks over us";
}

// -- prompts --

TEST_F(GossipEarly, APromptSparesWhoFailedUntilItIsTriedAgain) {
  add_current_peer(bob);
  record(key("a"), write(1));
  only_message(core.prompt(0));
  core.failed(bob);

  EXPECT_FALSE(core.may_prompt());
  EXPECT_TRUE(core.prompt(0).empty());
  const auto m = only_message(core.retry(bob));
  EXPECT_EQ(m.items, (items{{key("a"), write(1)}}));
  core.answered(bob, joined(m));
  record(key("b"), write(1));
  EXPECT_TRUE(core.may_prompt());
  EXPECT_TRUE(core.retry(bob).empty()) << "it has not failed";
}

TEST_F(GossipEarly, ARoundUnderWayGoesOnToWhatIsNewWhenPrompted) {
  add_current_peer(bob);
  record(key("a"), write(1));
  const auto first = only_message(core.round(0));
  record(key("b"), write(1));
  EXPECT_TRUE(core.may_prompt());

  EXPECT_TRUE(core.prompt(0).empty());

  EXPECT_FALSE(core.may_prompt());
  EXPECT_EQ(only_message(core.answered(bob, joined(first))).items, (items{{key("b"), write(1)}}));
}

// -- how much at a time --

TEST(GossipRoom, FollowsHowWellMessagesGetThrough) {
  gossip core{self, {}, digests};
  core.add_peer(bob);
  core.answered(bob, same(only_walk(core.round(0)), core));
  for (std::uint64_t i = 1; i <= 5000; ++i)
    core.record(key(std::to_string(i)), write(i, 1000), {}, std::nullopt);
  const auto size = [](const message& m) { return m.items.size() * 1000; };

  auto m = only_message(core.round(0));
  const auto first = size(m);
  EXPECT_LE(first, 32u << 10) << "little at first";
  m = only_message(core.answered(bob, joined(m)));
  EXPECT_GT(size(m), first);
  for (int i = 0; i < 12; ++i)
    m = only_message(core.answered(bob, joined(m)));
  EXPECT_GT(size(m), 200'000u) << "up to a whole message";
  EXPECT_LE(size(m), 256u << 10);

  m = only_message(core.answered(bob, joined(m), true));
  EXPECT_LE(size(m), 128u << 10) << "less when it was slow";
  core.failed(bob);
  m = only_message(core.round(0));
  EXPECT_LE(size(m), 32u << 10) << "and less when it failed";
  for (int i = 0; i < 5; ++i) {
    core.failed(bob);
    m = only_message(core.round(0));
  }
  EXPECT_GE(size(m), 3000u) << "but something";
  EXPECT_LE(size(m), 4096u);
}

} // namespace
} // namespace starling::replication
