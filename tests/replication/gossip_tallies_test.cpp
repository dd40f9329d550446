// How far nodes got, as it goes along with what is gossiped.

#include "gossip_fixture.hpp"

#include <gmock/gmock.h>

namespace starling::replication {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const auto ours = crdt::replica_id::from(1, 1);
const auto bobs = crdt::replica_id::from(2, 2);
const auto eves = crdt::replica_id::from(3, 3);

class GossipTallies : public gossip_test {
protected:
  GossipTallies() {
    add_current_peer(bob);
    core.numbers_under(ours);
  }

  answer answer_of(const message& m) {
    return std::get<answer>(decode_answer(core.joined(taken(core, m)).bytes));
  }

  message says(std::vector<tally> told, std::uint64_t acknowledged = 0) {
    message m{bob, self, ++said_, acknowledged, phase::asks};
    m.tallies = std::move(told);
    return m;
  }

private:
  std::uint64_t said_ = 0;
};

TEST_F(GossipTallies, GoAlongWithWhatIsSent) {
  core.note({ours, 1});
  record(key("a"), write(1));
  const auto m = only_message(core.round(0));
  EXPECT_THAT(m.items, testing::SizeIs(1));
  EXPECT_THAT(m.tallies, ElementsAre(tally{ours, 1}));
}

TEST_F(GossipTallies, AreToldAgainUntilTheyAreAcknowledged) {
  core.note({ours, 1});
  record(key("a"), write(1));
  only_message(core.round(0));
  core.failed(bob);
  const auto again = only_message(core.round(0));
  EXPECT_THAT(again.tallies, ElementsAre(tally{ours, 1}));
  core.answered(bob, joined(again));
  core.note({ours, 2});
  core.note({eves, 7});
  record(key("a"), write(2));
  EXPECT_THAT(only_message(core.round(0)).tallies, ElementsAre(tally{ours, 2}, tally{eves, 7}));
}

TEST_F(GossipTallies, ThatWereRaisedMeanwhileAreNotAcknowledged) {
  core.note({ours, 1});
  record(key("a"), write(1));
  const auto first = only_message(core.round(0));
  core.note({ours, 2});
  core.answered(bob, joined(first));
  record(key("a"), write(2));
  EXPECT_THAT(only_message(core.round(0)).tallies, ElementsAre(tally{ours, 2}));
}

TEST_F(GossipTallies, GoAlongWithWhatIsTooLargeForAMessage) {
  core.note({ours, 1});
  record(key("a"), write(1, 500));
  assembly pieces{10'000};
  auto m = only_message(core.round(0));
  while (m.piece) {
    if (pieces.add(self, *m.piece) == assembly::outcome::whole)
      break;
    m = only_message(core.answered(bob, joined(m)));
  }
  ASSERT_TRUE(m.piece);
  const auto whole = std::get<message>(decode_with(m, pieces.content(self)));
  EXPECT_THAT(whole.tallies, ElementsAre(tally{ours, 1}));
  core.answered(bob, joined(m));
  record(key("b"), write(1));
  EXPECT_THAT(only_message(core.round(0)).tallies, IsEmpty());
}

TEST_F(GossipTallies, AreHeardAndPassedOn) {
  add_current_peer(eve);
  core.joined(taken(core, says({{bobs, 3}, {eves, 4}})));
  EXPECT_EQ(core.tallies().of(bobs), 3u);
  EXPECT_EQ(core.tallies().of(eves), 4u);
  EXPECT_FALSE(core.was_set_back());
  record(key("a"), write(1), bob);
  const auto m = only_message(core.round(0));
  EXPECT_EQ(m.to, eve);
  EXPECT_THAT(m.tallies, ElementsAre(tally{bobs, 3}, tally{eves, 4}));
}

TEST_F(GossipTallies, OfAnswersAreHeard) {
  record(key("a"), write(1));
  auto a = joined(only_message(core.round(0)));
  a.tallies = {{bobs, 3}};
  ASSERT_TRUE(core.receive_answer(bob, a));
  EXPECT_EQ(core.tallies().of(bobs), 3u);
}

TEST_F(GossipTallies, GoAlongWithAnOfferUntilItIsAcknowledged) {
  core.note({ours, 1});
  record(key("a"), write(1));
  const auto first = answer_of(says({}));
  ASSERT_NE(first.offer, 0u);
  EXPECT_THAT(first.tallies, ElementsAre(tally{ours, 1}));
  core.note({ours, 2});
  const auto again = answer_of(says({}));
  EXPECT_EQ(again.offer, first.offer);
  EXPECT_THAT(again.tallies, ElementsAre(tally{ours, 2}));
  // It may be the first answer that came.
  EXPECT_THAT(answer_of(says({}, again.offer)).tallies, ElementsAre(tally{ours, 2}));
}

TEST_F(GossipTallies, OfMoreOwnChangesThanThereAreShowASetBackDisk) {
  core.keeps_since(session_id{77});
  core.note({ours, 5});
  core.joined(taken(core, says({{ours, 5}})));
  EXPECT_FALSE(core.was_set_back());
  core.joined(taken(core, says({{ours, 6}})));
  EXPECT_TRUE(core.was_set_back());
  core.numbers_under(bobs);
  EXPECT_FALSE(core.was_set_back());
  core.joined(taken(core, says({{ours, 7}})));
  EXPECT_FALSE(core.was_set_back()) << "that id is given up";
  EXPECT_EQ(core.kept_since(), self);
}

TEST_F(GossipTallies, OfMoreChangesUnderAFormerIdShowASetBackDiskAsWell) {
  core.keeps_since(session_id{77});
  core.numbered_under({eves, 4});
  core.note({ours, 5});
  core.numbers_under(bobs); // nobody could say whether the other was to be kept
  core.joined(taken(core, says({{eves, 4}, {ours, 5}})));
  EXPECT_FALSE(core.was_set_back());
  EXPECT_EQ(core.kept_since(), session_id{77});
  const auto said = answer_of(says({{eves, 5}}));
  EXPECT_TRUE(core.was_set_back());
  EXPECT_EQ(said.kept_since, self) << "at once";
  core.numbers_under(crdt::replica_id::from(9, 9));
  core.joined(taken(core, says({{ours, 6}})));
  EXPECT_FALSE(core.was_set_back()) << "that is known";
}

TEST_F(GossipTallies, TellAPeerWhatItsOwnLacks) {
  core.joined(taken(core, says({{bobs, 6}})));
  core.answered(bob, joined(only_message(core.round(0))));
  EXPECT_THAT(answer_of(says({{bobs, 4}})).tallies, ElementsAre(tally{bobs, 6}))
      << "it has forgotten";
  EXPECT_THAT(answer_of(says({{bobs, 7}})).tallies, ElementsAre(tally{bobs, 7}));
}

TEST_F(GossipTallies, AreAllToldToANewSession) {
  core.note({ours, 1});
  core.note({eves, 4});
  core.add_peer(eve);
  EXPECT_THAT(only_message(core.round(0)).tallies,
              UnorderedElementsAre(tally{ours, 1}, tally{eves, 4}));
}

} // namespace
} // namespace starling::replication
