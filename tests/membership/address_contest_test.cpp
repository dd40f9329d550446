#include "membership/address_contest.hpp"

#include <gtest/gtest.h>

namespace starling::membership {
namespace {

using namespace std::chrono_literals;
using claim = address_contest::claim;

const auto ann = node_id::from(1, 0);
const auto bob = node_id::from(2, 0);

class AddressContest : public testing::Test {
protected:
  address_contest contest{{.wait_min = 1s, .wait_max = 5s}};
};

TEST_F(AddressContest, APredecessorIsEvictedOnceAndMayInsist) {
  EXPECT_EQ(contest.claimed(ann, true, 1s), claim::of_predecessor);
  EXPECT_EQ(contest.last_claimant(1s), std::nullopt) << "it is gone, as far as is known";
  EXPECT_EQ(contest.claimed(ann, true, 2s), claim::insisted);
  EXPECT_EQ(contest.last_claimant(2s), ann);
  EXPECT_EQ(contest.claimed(bob, true, 3s), claim::of_predecessor) << "another one";
}

TEST_F(AddressContest, ANewerMemberIsTheRivalUntilItIsGone) {
  EXPECT_EQ(contest.claimed(ann, false, 1s), claim::of_rival);
  EXPECT_EQ(contest.claimed(ann, false, 2s), claim::repeated);
  EXPECT_EQ(contest.last_claimant(1000s), ann) << "as long as it is there";
  contest.withdrawn(bob, 1000s);
  EXPECT_EQ(contest.last_claimant(1000s), ann) << "somebody else went";
  contest.withdrawn(ann, 1000s);
  EXPECT_EQ(contest.last_claimant(1000s), std::nullopt) << "its claim is long past";
}

TEST_F(AddressContest, AClaimIsRememberedForAWhile) {
  contest.claimed(ann, false, 1s);
  contest.withdrawn(ann, 2s);
  EXPECT_EQ(contest.last_claimant(1s + contest.memory()), ann);
  EXPECT_EQ(contest.last_claimant(1s + contest.memory() + 1us), std::nullopt);
}

TEST_F(AddressContest, AnotherAddressEndsIt) {
  contest.claimed(ann, false, 1s);
  contest.moved(2s);
  EXPECT_EQ(contest.last_claimant(2s), std::nullopt);
  EXPECT_TRUE(contest.may_refute({1, 0}, 2s));
  EXPECT_TRUE(contest.may_refute({1, 1}, 2s)) << "nobody contests the new one";
}

TEST_F(AddressContest, WithoutARivalARefutationNeverWaits) {
  contest.claimed(ann, true, 1s);
  contest.claimed(ann, true, 1s); // insists
  for (std::uint32_t i = 0; i < 10; ++i)
    EXPECT_TRUE(contest.may_refute({1, i}, 1s));
  EXPECT_EQ(contest.next_due(), std::nullopt);
}

TEST_F(AddressContest, WithARivalRefutationsBecomeRarer) {
  contest.claimed(ann, false, 0s);
  duration now = 0s;
  for (const duration wait : {1s, 2s, 4s, 5s, 5s}) {
    EXPECT_TRUE(contest.may_refute({1, 0}, now));
    EXPECT_FALSE(contest.may_refute({1, 0}, now + wait - 1us));
    now += wait;
    EXPECT_EQ(contest.next_due(), now);
    EXPECT_EQ(contest.due(now - 1us), std::nullopt);
    EXPECT_EQ(contest.due(now), (incarnation{1, 0}));
    EXPECT_EQ(contest.due(now), std::nullopt) << "once";
  }
}

TEST_F(AddressContest, TheNewestAccusationIsTheOneThatIsKept) {
  contest.claimed(ann, false, 0s);
  contest.may_refute({1, 0}, 0s);
  contest.may_refute({1, 3}, 0s);
  contest.may_refute({1, 2}, 0s);
  EXPECT_EQ(contest.due(1s), (incarnation{1, 3}));
}

TEST_F(AddressContest, TheEndOfTheRivalEndsTheWait) {
  contest.claimed(ann, false, 0s);
  contest.may_refute({1, 0}, 0s);
  contest.may_refute({1, 1}, 0s);
  contest.withdrawn(ann, 500ms);
  EXPECT_EQ(contest.due(500ms), (incarnation{1, 1}));
}

} // namespace
} // namespace starling::membership
