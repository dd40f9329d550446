#include "membership/seeds.hpp"
#include "tests/membership/samples.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace starling::membership {

namespace {

using namespace std::chrono_literals;

const seeds::timing defaults{250ms, 15s, 30s};

bool nobody(const node_id&) {
  return false;
}

/// A list of addresses, as `due` and `unreached` return it.
using list = std::vector<std::string>;

TEST(Seeds, AreAllDueAtTheStart) {
  random_source random{1};
  seeds s{{"b:1", "a:1", "b:1"}, defaults};
  s.hurry(5s);

  EXPECT_EQ(s.next_due(), 5s);
  EXPECT_EQ(s.due(5s, random, nobody), (list{"a:1", "b:1"}));
  EXPECT_EQ(s.unreached(), (list{"a:1", "b:1"}));
  EXPECT_FALSE(s.any_reached());
}

TEST(Seeds, WhoHasNoneHasReachedAll) {
  random_source random{1};
  seeds s{{}, defaults};
  EXPECT_TRUE(s.any_reached());
  EXPECT_EQ(s.next_due(), std::nullopt);
  EXPECT_TRUE(s.due(1h, random, nobody).empty());
}

TEST(Seeds, OneThatIsAskedIsNotAskedAgainMeanwhile) {
  random_source random{1};
  seeds s{{"a:1"}, defaults};
  s.hurry(0s);
  s.due(0s, random, nobody);

  EXPECT_TRUE(s.due(1h, random, nobody).empty());
  EXPECT_EQ(s.next_due(), std::nullopt);
  s.hurry(1h);
  EXPECT_TRUE(s.due(1h, random, nobody).empty()) << "it is under way";
}

TEST(Seeds, OneThatDoesNotAnswerIsTriedAgainAfterARandomTimeBelowADoublingCeiling) {
  const std::vector<duration> ceilings{500ms, 1s, 2s, 4s, 8s, 15s, 15s, 15s};
  std::vector<duration> longest(ceilings.size(), 0s);
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    random_source random{seed};
    seeds s{{"a:1"}, defaults};
    s.hurry(0s);
    duration now{0};
    for (std::size_t i = 0; i < ceilings.size(); ++i) {
      ASSERT_EQ(s.due(now, random, nobody).size(), 1u);
      s.failed("a:1", now, random);
      const auto wait = *s.next_due() - now;
      ASSERT_GE(wait, 250ms) << "seed " << seed << ", failure " << i;
      ASSERT_LE(wait, ceilings[i]) << "seed " << seed << ", failure " << i;
      longest[i] = std::max(longest[i], wait);
      ASSERT_TRUE(s.due(now + wait - 1us, random, nobody).empty());
      now += wait;
    }
  }
  for (std::size_t i = 0; i < ceilings.size(); ++i)
    EXPECT_GT(longest[i], ceilings[i] * 9 / 10) << "failure " << i;
}

TEST(Seeds, NeverGivesUp) {
  random_source random{1};
  seeds s{{"a:1"}, defaults};
  s.hurry(0s);
  duration now{0};
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(s.due(now, random, nobody).size(), 1u) << i;
    s.failed("a:1", now, random);
    ASSERT_LE(*s.next_due() - now, 15s);
    now = *s.next_due();
  }
  EXPECT_EQ(s.unreached(), list{"a:1"});
}

TEST(Seeds, OneThatAnsweredIsAskedAgainOnlyIfItsMemberIsGone) {
  random_source random{1};
  seeds s{{"a:1"}, defaults};
  s.hurry(0s);
  s.due(0s, random, nobody);
  bool alive = true;
  const auto is_alive = [&](const node_id& id) { return alive && id == numbered(1); };

  s.reached("a:1", numbered(1), 1s, random);

  EXPECT_TRUE(s.any_reached());
  EXPECT_TRUE(s.unreached().empty());
  for (duration now = 1s; now < 10min; now += 1s)
    ASSERT_TRUE(s.due(now, random, is_alive).empty());
  alive = false;
  EXPECT_TRUE(s.due(10min, random, is_alive).size() <= 1);
  EXPECT_LE(*s.next_due(), 10min + 45s);
  EXPECT_EQ(s.due(10min + 45s, random, is_alive), list{"a:1"});
}

TEST(Seeds, OneThatAnsweredStaysReachedWhenItFailsLater) {
  random_source random{1};
  seeds s{{"a:1"}, defaults};
  s.hurry(0s);
  s.due(0s, random, nobody);
  s.reached("a:1", numbered(1), 0s, random);
  s.due(45s, random, nobody);

  s.failed("a:1", 45s, random);

  EXPECT_TRUE(s.unreached().empty()) << "it did answer";
  EXPECT_LE(*s.next_due(), 45s + 500ms) << "and is tried like at first";
}

TEST(Seeds, OurselvesAreNoSeedThatWasReached) {
  random_source random{1};
  seeds s{{"a:1", "b:1"}, defaults};
  s.hurry(0s);
  s.due(0s, random, nobody);

  s.is_ourselves("a:1", 0s, random);

  EXPECT_FALSE(s.any_reached()) << "the other may be";
  EXPECT_EQ(s.unreached(), list{"b:1"});
  EXPECT_TRUE(s.due(14s, random, nobody).empty());
  EXPECT_EQ(s.due(45s, random, nobody), list{"a:1"}) << "a name may lead elsewhere later";
  s.is_ourselves("b:1", 0s, random);
  EXPECT_TRUE(s.any_reached()) << "there is none but us";
}

TEST(Seeds, OnlyOnesThatWereNamedCount) {
  random_source random{1};
  seeds s{{"a:1"}, defaults};
  s.hurry(0s);

  s.reached("x:1", numbered(1), 0s, random);
  s.failed("x:1", 0s, random);
  s.is_ourselves("x:1", 0s, random);

  EXPECT_FALSE(s.any_reached());
  EXPECT_EQ(s.unreached(), list{"a:1"});
}

TEST(Seeds, HurryForgetsHowOftenTheyFailed) {
  random_source random{1};
  seeds s{{"a:1"}, defaults};
  s.hurry(0s);
  duration now{0};
  for (int i = 0; i < 20; ++i) {
    s.due(now, random, nobody);
    s.failed("a:1", now, random);
    now = *s.next_due();
  }

  s.hurry(1h);

  EXPECT_EQ(s.next_due(), 1h);
  s.due(1h, random, nobody);
  s.failed("a:1", 1h, random);
  EXPECT_LE(*s.next_due(), 1h + 500ms);
}

} // namespace

} // namespace starling::membership
