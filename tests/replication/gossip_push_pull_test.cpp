#include "gossip_fixture.hpp"

#include <set>

namespace starling::replication {
namespace {

class GossipPushPull : public gossip_test {
protected:
  GossipPushPull() {
    add_current_peer(bob);
    add_current_peer(eve);
  }

  /// What the core answers.
  answer answer_of(const message& m) {
    const auto reply = core.joined(taken(core, m));
    const auto decoded = decode_answer(reply.bytes);
    EXPECT_EQ(reply.items, std::get<answer>(decoded).items.size());
    return std::get<answer>(decoded);
  }

  /// A message of bob's.
  message says(phase p, std::uint64_t acknowledged = 0) {
    return {bob, self, ++said_, acknowledged, p};
  }

private:
  std::uint64_t said_ = 0;
};

TEST_F(GossipPushPull, AnAnswerOffersWhatThePeerLacks) {
  record(key("a"), write(1));
  record(key("b"), write(1), bob);

  const auto a = answer_of(says(phase::tells));

  EXPECT_NE(a.offer, 0u);
  EXPECT_EQ(a.items, (items{{key("a"), write(1)}}));
  EXPECT_EQ(status_of(bob).pending, 2u) << "it may be lost";
  EXPECT_EQ(answer_of(says(phase::tells)).items, a.items) << "so it is offered again";
}

TEST_F(GossipPushPull, AnOfferIsAcknowledgedByTheNextMessage) {
  record(key("a"), write(1));
  const auto a = answer_of(says(phase::tells));

  const auto end = answer_of(says(phase::goes_on, a.offer));

  EXPECT_EQ(end.offer, 0u);
  EXPECT_EQ(status_of(bob).pending, 0u);
  EXPECT_EQ(status_of(eve).pending, 1u);
}

TEST_F(GossipPushPull, OnlyTheLatestOfferIsAcknowledgedAndOnlyByItsReceiver) {
  record(key("a"), write(1));
  const auto first = answer_of(says(phase::tells));
  record(key("b"), write(1));
  const auto second = answer_of(says(phase::tells));
  ASSERT_NE(first.offer, second.offer);

  answer_of(says(phase::goes_on, first.offer));
  EXPECT_EQ(status_of(bob).pending, 2u);
  core.joined(taken(core, message{eve, self, 1, second.offer}));
  EXPECT_EQ(status_of(eve).pending, 2u);
  EXPECT_EQ(status_of(bob).pending, 2u);
  answer_of(says(phase::goes_on, second.offer));
  EXPECT_EQ(status_of(bob).pending, 0u);
}

TEST_F(GossipPushPull, OffersAreCutIntoMessagesAndEndWithWhatThereWasAtTheBegin) {
  for (int i = 0; i < 6; ++i)
    record(key(std::string(1, static_cast<char>('a' + i))), write(1, 60));

  auto a = answer_of(says(phase::tells));
  std::size_t offered = a.items.size();
  EXPECT_LT(offered, 6u);
  while (a.offer != 0) {
    record(key("z"), write(2)); // it goes on and on
    a = answer_of(says(phase::goes_on, a.offer));
    offered += a.items.size();
    ASSERT_LE(offered, 6u);
  }

  EXPECT_EQ(offered, 6u);
}

TEST_F(GossipPushPull, NothingIsOfferedThatIsOnItsWay) {
  record(key("a"), write(1));
  const auto m = only_message(core.round(draw(bob)));

  EXPECT_EQ(answer_of(says(phase::tells)).offer, 0u);

  core.answered(bob, joined(m));
  record(key("b"), write(1));
  EXPECT_EQ(answer_of(says(phase::tells)).items, (items{{key("b"), write(1)}}));
}

TEST_F(GossipPushPull, NothingIsOfferedToAStrangerNorToOneWhoIsBehindOrGone) {
  record(key("a"), write(1));
  const session_id mallory{66};
  EXPECT_EQ(core.joined(taken(core, message{mallory, self, 1, 0, phase::asks})).items, 0u);
  core.add_peer(mallory);
  EXPECT_EQ(core.joined(taken(core, message{mallory, self, 2, 0, phase::asks})).items, 0u)
      << "it is behind";
  core.remove_peer(bob);
  EXPECT_EQ(answer_of(says(phase::tells)).offer, 0u);
}

TEST_F(GossipPushPull, WhereRoundsGoToAllOnlyWhoAsksIsOffered) {
  gossip all{self, {.fanout = 1}, digests};
  add_current_peer(all, bob);
  record(all, key("a"), write(1));

  EXPECT_EQ(all.joined(taken(all, says(phase::tells))).items, 0u)
      << "bob is told in the next round";
  EXPECT_EQ(all.joined(taken(all, says(phase::asks))).items, 1u);
}

TEST_F(GossipPushPull, WhatAnAnswerOfferedIsAcknowledgedAtOnce) {
  record(key("a"), write(1));
  const auto m = only_message(core.round(draw(bob)));
  EXPECT_EQ(m.phase, phase::tells);
  EXPECT_EQ(m.acknowledged, 0u);
  auto a = joined(m);
  a.offer = 77;

  const auto next = only_message(core.answered(bob, a));

  EXPECT_EQ(next.acknowledged, 77u);
  EXPECT_EQ(next.phase, phase::goes_on);
  EXPECT_EQ(next.items, items{});
  EXPECT_TRUE(core.answered(bob, joined(next)).empty());
}

TEST_F(GossipPushPull, AnAcknowledgementThatIsLostIsGivenLater) {
  const auto m = only_message(core.round(0));
  auto a = joined(m);
  a.offer = 77;
  only_message(core.answered(m.to, a));
  core.failed(m.to);

  record(key("a"), write(1));
  const auto later = only_message(core.round(draw(m.to)));
  EXPECT_EQ(later.to, m.to);
  EXPECT_EQ(later.acknowledged, 77u);
  EXPECT_TRUE(core.answered(m.to, joined(later)).empty());

  record(key("b"), write(1));
  core.remove_peer(m.to == bob ? eve : bob);
  EXPECT_EQ(only_message(core.round(0)).acknowledged, 0u) << "once is enough";
}

TEST_F(GossipPushPull, ARoundAsksSomebodyWhenNobodyLacksAnything) {
  std::set<session_id> asked;
  for (std::uint64_t random = 0; random < 4; ++random) {
    const auto m = only_message(core.round(random));
    EXPECT_EQ(m.phase, phase::asks);
    EXPECT_EQ(m.items, items{});
    EXPECT_TRUE(core.answered(m.to, joined(m)).empty());
    asked.insert(m.to);
  }
  EXPECT_EQ(asked, (std::set{bob, eve}));
  EXPECT_TRUE(core.rounds({}).empty()) << "before a stop there is nothing to ask";

  only_message(core.round(0));
  only_message(core.round(0));
  EXPECT_TRUE(core.round(0).empty()) << "both are busy";
}

} // namespace
} // namespace starling::replication
