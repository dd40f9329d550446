// The gossip core when joining takes longer than its senders wait.

#include "gossip_fixture.hpp"

namespace starling::replication {
namespace {

class GossipArrivals : public gossip_test {
protected:
  static message from(session_id sender, std::uint64_t sequence, items what) {
    return {sender, self, sequence, 0, phase::goes_on, std::move(what)};
  }

  /// What a message is answered with at once.
  verdict verdict_on(const message& m) {
    auto taken = core.receive(m);
    const auto* said = std::get_if<gossip::reply>(&taken);
    if (said == nullptr) {
      ADD_FAILURE() << "it is to be joined";
      return verdict::joined;
    }
    return std::get<answer>(decode_answer(said->bytes)).verdict;
  }

  const items some{{key("a"), write(1)}};
};

TEST_F(GossipArrivals, ARepeatedMessageIsNotJoinedWhileTheFirstOneIs) {
  const auto first = taken(core, from(bob, 1, some));

  for (std::uint64_t sequence = 2; sequence < 10; ++sequence)
    EXPECT_EQ(verdict_on(from(bob, sequence, some)), verdict::busy);
  EXPECT_EQ(verdict_on(from(bob, 10, {{key("b"), write(2)}})), verdict::busy) << "nor another one";

  core.joined(first);
  EXPECT_EQ(taken(core, from(bob, 11, some)).items, some);
}

TEST_F(GossipArrivals, AMessageThatCouldNotBeJoinedMayComeAgain) {
  core.not_joined(taken(core, from(bob, 1, some)));

  EXPECT_EQ(taken(core, from(bob, 2, some)).items, some);
}

TEST_F(GossipArrivals, OtherSendersAndQuestionsDoNotWait) {
  const auto first = taken(core, from(bob, 1, some));

  EXPECT_EQ(taken(core, from(eve, 1, some)).items, some);
  const auto asks = taken(core, message{bob, self, 2, 0, phase::asks});
  EXPECT_EQ(std::get<answer>(decode_answer(core.joined(asks).bytes)).verdict, verdict::joined);
}

TEST_F(GossipArrivals, TogetherAreNoLargerThanTheyMayBe) {
  gossip small{self, {.message_bytes = 200, .joining_bytes = 150}, digests};
  const auto first = taken(small, from(bob, 1, {{key("a"), write(1, 100)}}));

  const auto second = from(eve, 1, {{key("b"), write(1, 100)}});
  EXPECT_TRUE(std::holds_alternative<gossip::reply>(small.receive(second)));
  small.joined(first);
  EXPECT_EQ(taken(small, second).items, second.items);
}

TEST_F(GossipArrivals, TheLastPieceIsNotReadAgainWhileTheWholeIsBeingJoined) {
  gossip sender{bob, {.message_bytes = 200}, digests};
  add_current_peer(sender, self);
  record(sender, key("a"), write(1, 500));
  auto m = only_message(sender.round(0));
  while (m.piece->offset + m.piece->bytes.size() < m.piece->size) {
    EXPECT_EQ(verdict_on(m), verdict::joined);
    m = only_message(sender.answered(self, joined(m)));
  }

  const auto whole = taken(core, m);
  ASSERT_EQ(whole.items.size(), 1u);
  sender.failed(self); // no answer in time
  auto again = only_message(sender.round(0));
  EXPECT_EQ(again.piece, m.piece);
  EXPECT_EQ(verdict_on(again), verdict::busy);

  core.joined(whole);
  again.sequence += 1;
  EXPECT_EQ(verdict_on(again), verdict::joined) << "it is known, and not joined again";
}

TEST_F(GossipArrivals, WhoeverIsToldToWaitSendsAgainAfterTheNextTick) {
  add_current_peer(bob);
  record(key("a"), write(1));
  const auto m = only_message(core.round(0));
  auto busy = joined(m);
  busy.verdict = verdict::busy;

  EXPECT_TRUE(core.answered(bob, busy).empty());
  EXPECT_TRUE(core.rounds({}).empty()) << "it is not sent at once";
  EXPECT_TRUE(core.was_put_off());
  EXPECT_EQ(status_of(bob).pending, 1u) << "nor is it forgotten";

  core.tick();
  EXPECT_EQ(only_message(core.round(0)).items, m.items);
}

} // namespace
} // namespace starling::replication
