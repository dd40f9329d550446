#include "replication/holdings.hpp"

#include <gtest/gtest.h>

namespace starling::replication {

namespace {

constexpr session_id self{50};
constexpr session_id earlier{40};
constexpr session_id peer{60};
constexpr session_id nothing_at_all{};
const crdt::replica_id ann = crdt::replica_id::from(0, 1);
const crdt::replica_id bob = crdt::replica_id::from(0, 2);

peer_holdings heard() {
  peer_holdings result;
  result.is_heard = true;
  return result;
}

TEST(Holdings, TellNothingUntilTheyAreKeptSinceSomeSession) {
  const holdings ours{self};
  EXPECT_EQ(ours.told_to(nullptr), nothing_at_all);
}

TEST(Holdings, OfThisSessionAreToldToAnybody) {
  holdings ours{self};
  ours.keep_since(self);
  ours.settle(false);
  EXPECT_EQ(ours.told_to(nullptr), self);
}

TEST(Holdings, OfAnEarlierSessionAreToldToWhoWasHeardOnceTheyAreSettled) {
  holdings ours{self};
  ours.keep_since(earlier);
  const peer_holdings not_heard;
  const auto one_heard = heard();
  EXPECT_EQ(ours.told_to(nullptr), not_settled);
  EXPECT_EQ(ours.told_to(&not_heard), not_settled);
  EXPECT_EQ(ours.told_to(&one_heard), earlier);
  ours.settle(false);
  EXPECT_EQ(ours.told_to(&one_heard), not_settled);
}

TEST(Holdings, AreNotSettledWhileDataIsLacking) {
  holdings ours{self};
  ours.keep_since(earlier);
  EXPECT_FALSE(ours.lacks_data(true));
  const auto one_heard = heard();
  EXPECT_EQ(ours.told_to(&one_heard), not_settled);
  EXPECT_TRUE(ours.lacks_data(false));
  EXPECT_EQ(ours.told_to(&one_heard), earlier);
}

TEST(Holdings, BeginAnewWithThisSession) {
  holdings ours{self};
  ours.begin_anew();
  EXPECT_EQ(ours.kept_since(), nothing_at_all) << "who keeps nothing does not begin to";
  ours.keep_since(earlier);
  ours.begin_anew();
  EXPECT_EQ(ours.kept_since(), self);
}

TEST(Holdings, AreNotToldOnceSomethingCannotBeHadOrRead) {
  holdings ours{self};
  ours.keep_since(self);
  ours.cannot_have_all();
  EXPECT_EQ(ours.told_to(nullptr), nothing_at_all);
  EXPECT_TRUE(ours.reads_all());
  ours.keep_since(self);
  ours.cannot_read_all();
  EXPECT_EQ(ours.told_to(nullptr), nothing_at_all);
  EXPECT_FALSE(ours.reads_all());
}

TEST(Holdings, WereSetBackIfSomebodyKnowsMoreUnderAnIdSinceTheLastLoss) {
  holdings ours{self};
  ours.keep_since(earlier);
  ours.numbered_under(ann);
  ours.numbers_under(bob);
  ours.hear_of_more_under(crdt::replica_id::from(0, 3));
  EXPECT_FALSE(ours.was_set_back()) << "that is somebody else";
  ours.hear_of_more_under(ann);
  EXPECT_TRUE(ours.was_set_back());
  ours.numbers_under(crdt::replica_id::from(0, 4));
  EXPECT_FALSE(ours.was_set_back()) << "a new id is like no other";
}

TEST(Holdings, OfThisSessionCannotBeSetBackToIdsBeforeIt) {
  holdings ours{self};
  ours.numbered_under(ann);
  ours.keep_since(self);
  ours.numbers_under(bob);
  ours.hear_of_more_under(ann);
  EXPECT_FALSE(ours.was_set_back());
  ours.hear_of_more_under(bob);
  EXPECT_TRUE(ours.was_set_back());
}

TEST(Holdings, ForgetEarlierIdsWhenTheyBeginAnew) {
  holdings ours{self};
  ours.keep_since(earlier);
  ours.numbered_under(ann);
  ours.numbers_under(bob);
  ours.begin_anew();
  ours.hear_of_more_under(ann);
  EXPECT_FALSE(ours.was_set_back());
  ours.hear_of_more_under(bob);
  EXPECT_TRUE(ours.was_set_back());
}

TEST(PeerHoldings, OnlyGetLessWithinASession) {
  peer_holdings theirs;
  EXPECT_FALSE(theirs.keeps_something());
  theirs.hear(peer, earlier);
  EXPECT_EQ(theirs.kept_since, earlier);
  theirs.hear(peer, self);
  EXPECT_EQ(theirs.kept_since, earlier) << "that was said before, and comes late";
  theirs.hear(peer, peer);
  EXPECT_EQ(theirs.kept_since, peer) << "it has lost something since";
  theirs.hear(peer, earlier);
  EXPECT_EQ(theirs.kept_since, peer);
  theirs.hear(peer, nothing_at_all);
  EXPECT_FALSE(theirs.keeps_something());
  theirs.hear(peer, peer);
  EXPECT_FALSE(theirs.keeps_something());
}

TEST(PeerHoldings, KeepWhatWasSaidWhileTheQuestionIsOpen) {
  peer_holdings theirs;
  theirs.hear(peer, not_settled);
  EXPECT_FALSE(theirs.is_settled);
  EXPECT_EQ(theirs.kept_since, std::nullopt);
  theirs.hear(peer, earlier);
  EXPECT_TRUE(theirs.is_settled);
  theirs.hear(peer, not_settled);
  EXPECT_FALSE(theirs.is_settled);
  EXPECT_EQ(theirs.kept_since, earlier);
}

} // namespace
} // namespace starling::replication
