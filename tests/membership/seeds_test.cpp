#include "membership/seeds.hpp"
#include "tests/membership/samples.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace starling::membership {

namespace {

using namespace std::chrono_literals;

const seeds::timing defaults{250ms, 15s, 30s};

bool nobody(const node_id&) {
  return false;
}

/// A list of names or addresses.
using list = std::vector<std::string>;

/// Seeds at the start, and what a test does with them.
class some_seeds {
public:
  explicit some_seeds(list names, const seeds::timing& t = defaults) : all(std::move(names), t) {
    all.hurry(0s);
  }

  /// The names due now, each of which leads to these addresses.
  list look_up(duration now, const list& addresses) {
    auto names = all.due(now, random, is_alive);
    for (const auto& name : names)
      all.found(name, addresses, now, random, is_alive);
    return names;
  }

  /// Those to be asked, sorted.
  list to_ask() {
    list result;
    for (const auto& one : all.to_ask())
      result.push_back(one.address);
    std::ranges::sort(result);
    return result;
  }

  void reached(const std::string& seed, const std::string& address, std::size_t who,
               duration now = 0s) {
    all.reached({seed, address}, numbered(who), now, random);
  }
  void is_ourselves(const std::string& seed, const std::string& address, duration now = 0s) {
    all.is_ourselves({seed, address}, now, random);
  }
  void failed(const std::string& seed, const std::string& address, duration now = 0s) {
    all.failed({seed, address}, "refused", now, random);
  }

  random_source random{1};
  seeds all;
  seeds::aliveness is_alive = nobody;
};

TEST(Seeds, AreAllDueAtTheStart) {
  some_seeds s{{"b:1", "a:1", "b:1"}};
  s.all.hurry(5s);

  EXPECT_EQ(s.all.next_due(), 5s);
  EXPECT_EQ(s.all.due(5s, s.random, nobody), (list{"a:1", "b:1"}));
  EXPECT_EQ(s.all.unreached(), (list{"a:1", "b:1"}));
  EXPECT_FALSE(s.all.any_reached());
  EXPECT_FALSE(s.all.are_tried());
}

TEST(Seeds, WhoHasNoneHasReachedAll) {
  some_seeds s{{}};
  EXPECT_TRUE(s.all.is_empty());
  EXPECT_TRUE(s.all.any_reached());
  EXPECT_TRUE(s.all.are_tried());
  EXPECT_EQ(s.all.next_due(), std::nullopt);
  EXPECT_TRUE(s.all.due(1h, s.random, nobody).empty());
  EXPECT_TRUE(s.all.attempts().empty());
}

TEST(Seeds, OneThatIsLookedUpOrAskedIsNotDueMeanwhile) {
  some_seeds s{{"a:1"}};
  s.all.due(0s, s.random, nobody);

  EXPECT_TRUE(s.all.due(1h, s.random, nobody).empty());
  EXPECT_EQ(s.all.next_due(), std::nullopt);
  s.all.found("a:1", {"1:1"}, 0s, s.random, nobody);
  EXPECT_TRUE(s.all.due(1h, s.random, nobody).empty());
  EXPECT_EQ(s.to_ask(), list{"1:1"});
  EXPECT_TRUE(s.to_ask().empty());
  s.all.hurry(1h);
  EXPECT_TRUE(s.all.due(1h, s.random, nobody).empty()) << "it is under way";
}

TEST(Seeds, OneThatDoesNotAnswerIsTriedAgainAfterARandomTimeBelowADoublingCeiling) {
  const std::vector<duration> ceilings{500ms, 1s, 2s, 4s, 8s, 15s, 15s, 15s};
  std::vector<duration> longest(ceilings.size(), 0s);
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    some_seeds s{{"a:1"}};
    s.random = random_source{seed};
    duration now{0};
    for (std::size_t i = 0; i < ceilings.size(); ++i) {
      if (i % 2 == 0) {
        ASSERT_EQ(s.look_up(now, {"1:1"}).size(), 1u);
        ASSERT_EQ(s.to_ask(), list{"1:1"});
        s.failed("a:1", "1:1", now);
      } else {
        ASSERT_EQ(s.all.due(now, s.random, nobody).size(), 1u);
        s.all.not_found("a:1", "no such name", now, s.random);
      }
      const auto wait = *s.all.next_due() - now;
      ASSERT_GE(wait, 250ms) << "seed " << seed << ", failure " << i;
      ASSERT_LE(wait, ceilings[i]) << "seed " << seed << ", failure " << i;
      longest[i] = std::max(longest[i], wait);
      ASSERT_TRUE(s.all.due(now + wait - 1us, s.random, nobody).empty());
      now += wait;
    }
  }
  for (std::size_t i = 0; i < ceilings.size(); ++i)
    EXPECT_GT(longest[i], ceilings[i] * 9 / 10) << "failure " << i;
}

TEST(Seeds, NeverGivesUp) {
  some_seeds s{{"a:1"}};
  duration now{0};
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(s.look_up(now, {"1:1"}).size(), 1u) << i;
    ASSERT_EQ(s.to_ask().size(), 1u);
    s.failed("a:1", "1:1", now);
    ASSERT_LE(*s.all.next_due() - now, 15s);
    now = *s.all.next_due();
  }
  EXPECT_EQ(s.all.unreached(), list{"a:1"});
}

TEST(Seeds, EveryAddressOfANameIsAskedWhateverTheOthersAnswer) {
  some_seeds s{{"all:1"}, {250ms, 15s, 30s, 64, 8, 8}};
  s.look_up(0s, {"us:1", "stranger:1", "black-hole:1", "member:1"});

  EXPECT_EQ(s.to_ask(), (list{"black-hole:1", "member:1", "stranger:1", "us:1"}));
  s.is_ourselves("all:1", "us:1");
  s.failed("all:1", "stranger:1");
  EXPECT_EQ(s.all.next_due(), std::nullopt) << "two are still asked";
  s.reached("all:1", "member:1", 7);
  EXPECT_TRUE(s.all.any_reached()) << "although one does not answer";
  EXPECT_FALSE(s.all.are_tried());
  s.failed("all:1", "black-hole:1", 5s);

  EXPECT_TRUE(s.all.are_tried());
  EXPECT_GE(*s.all.next_due(), 20s) << "some address was a member's";
  EXPECT_TRUE(s.all.unreached().empty());
}

TEST(Seeds, OneOfManyAddressesIsAskedOnceAnotherIsDone) {
  some_seeds s{{"all:1"}};
  list addresses;
  for (int i = 10; i < 40; ++i)
    addresses.push_back(std::to_string(i) + ":1");
  s.look_up(0s, addresses);

  list asked;
  for (auto now = s.to_ask(); !now.empty(); now = s.to_ask()) {
    EXPECT_LE(now.size(), defaults.calls_max);
    for (const auto& one : now) {
      asked.push_back(one);
      s.failed("all:1", one);
    }
  }

  std::ranges::sort(asked);
  EXPECT_EQ(asked, addresses);
  EXPECT_TRUE(s.all.are_tried());
}

TEST(Seeds, ANameWithManyAddressesHoldsUpNoOther) {
  some_seeds s{{"all:1", "one:1"}};
  s.all.due(0s, s.random, nobody);
  s.all.found("all:1", {"1:1", "2:1", "3:1", "4:1", "5:1"}, 0s, s.random, nobody);
  s.all.found("one:1", {"6:1"}, 0s, s.random, nobody);

  const auto asked = s.to_ask();

  EXPECT_EQ(std::ranges::count(asked, "6:1"), 1);
  EXPECT_EQ(asked.size(), defaults.calls_max);
}

TEST(Seeds, OfTooManyAddressesEachIsAskedInTime) {
  some_seeds s{{"all:1"}, {250ms, 15s, 30s, 4, 8, 8}};
  list addresses;
  for (int i = 10; i < 22; ++i)
    addresses.push_back(std::to_string(i) + ":1");
  std::set<std::string> asked;
  for (int round = 0; round < 50; ++round) {
    const auto now = *s.all.next_due();
    s.look_up(now, addresses);
    const auto some = s.to_ask();
    ASSERT_EQ(some.size(), 4u);
    for (const auto& one : some) {
      asked.insert(one);
      s.failed("all:1", one, now);
    }
  }
  EXPECT_EQ(asked.size(), addresses.size());
}

TEST(Seeds, NoMoreNamesAreLookedUpAtATimeThanConfigured) {
  some_seeds s{{"a:1", "b:1", "c:1"}, {250ms, 15s, 30s, 64, 2, 3}};

  EXPECT_EQ(s.all.due(0s, s.random, nobody), (list{"a:1", "b:1"}));
  EXPECT_EQ(s.all.next_due(), std::nullopt);
  s.all.not_found("a:1", "", 0s, s.random);
  EXPECT_EQ(s.all.next_due(), 0s);
  EXPECT_EQ(s.all.due(0s, s.random, nobody), list{"c:1"});
}

TEST(Seeds, OneThatAnsweredIsLookedUpAgainOnlyIfItsMemberIsGone) {
  some_seeds s{{"a:1"}};
  s.look_up(0s, {"1:1", "us:1"});
  s.to_ask();
  bool alive = true;
  const auto is_alive = [&](const node_id& id) { return alive && id == numbered(1); };

  s.is_ourselves("a:1", "us:1", 1s);
  s.reached("a:1", "1:1", 1, 1s);

  EXPECT_TRUE(s.all.any_reached());
  EXPECT_TRUE(s.all.unreached().empty());
  for (duration now = 1s; now < 10min; now += 1s)
    ASSERT_TRUE(s.all.due(now, s.random, is_alive).empty());
  alive = false;
  EXPECT_TRUE(s.all.due(10min, s.random, is_alive).size() <= 1);
  EXPECT_LE(*s.all.next_due(), 10min + 45s);
  EXPECT_EQ(s.all.due(10min + 45s, s.random, is_alive), list{"a:1"});
}

TEST(Seeds, OfANameOnlyAddressesWhoseMembersAreNotAliveAreAskedAgain) {
  some_seeds s{{"all:1"}};
  s.look_up(0s, {"1:1", "2:1"});
  s.to_ask();
  s.reached("all:1", "1:1", 1);
  s.failed("all:1", "2:1");
  s.is_alive = [](const node_id& id) { return id == numbered(1); };

  EXPECT_EQ(s.look_up(45s, {"1:1", "2:1", "3:1"}), list{"all:1"}) << "half of a cluster, perhaps";

  EXPECT_EQ(s.to_ask(), (list{"2:1", "3:1"}));
}

TEST(Seeds, OneThatAnsweredStaysReachedWhenItFailsLater) {
  some_seeds s{{"a:1"}};
  s.look_up(0s, {"1:1"});
  s.to_ask();
  s.reached("a:1", "1:1", 1);
  s.look_up(45s, {"1:1"});
  s.to_ask();

  s.failed("a:1", "1:1", 45s);

  EXPECT_TRUE(s.all.unreached().empty()) << "it did answer";
  EXPECT_LE(*s.all.next_due(), 45s + 500ms) << "and is tried like at first";
}

TEST(Seeds, OurselvesAreNoSeedThatWasReached) {
  some_seeds s{{"a:1", "b:1"}};
  s.look_up(0s, {"1:1"});
  s.to_ask();

  s.is_ourselves("a:1", "1:1");

  EXPECT_FALSE(s.all.any_reached()) << "the other may be";
  EXPECT_EQ(s.all.unreached(), list{"b:1"});
  EXPECT_TRUE(s.look_up(14s, {"1:1"}).empty());
  EXPECT_EQ(s.look_up(45s, {"1:1"}), list{"a:1"}) << "a name may lead elsewhere later";
  s.is_ourselves("b:1", "1:1");
  EXPECT_TRUE(s.all.any_reached()) << "there is none but us";
}

TEST(Seeds, OurselvesAmongOthersThatFailAreTriedAgainSoon) {
  some_seeds s{{"all:1"}};
  s.look_up(0s, {"1:1", "us:1"});
  s.to_ask();

  s.failed("all:1", "1:1");
  s.is_ourselves("all:1", "us:1");

  EXPECT_LE(*s.all.next_due(), 500ms);
  EXPECT_FALSE(s.all.any_reached());
  EXPECT_EQ(s.all.unreached(), list{"all:1"});
}

TEST(Seeds, OnlyWhatIsUnderWayCounts) {
  some_seeds s{{"a:1"}};

  s.reached("x:1", "1:1", 1);
  s.failed("x:1", "1:1");
  s.is_ourselves("a:1", "1:1");
  s.reached("a:1", "1:1", 1);
  s.all.found("a:1", {"1:1"}, 0s, s.random, nobody);
  s.all.not_found("x:1", "", 0s, s.random);

  EXPECT_FALSE(s.all.any_reached());
  EXPECT_EQ(s.all.unreached(), list{"a:1"});
  EXPECT_EQ(s.all.due(0s, s.random, nobody), list{"a:1"});
}

TEST(Seeds, HurryForgetsHowOftenTheyFailed) {
  some_seeds s{{"a:1"}};
  duration now{0};
  for (int i = 0; i < 20; ++i) {
    s.look_up(now, {"1:1"});
    s.to_ask();
    s.failed("a:1", "1:1", now);
    now = *s.all.next_due();
  }

  s.all.hurry(1h);

  EXPECT_EQ(s.all.next_due(), 1h);
  EXPECT_FALSE(s.all.are_tried());
  s.look_up(1h, {"1:1"});
  s.to_ask();
  s.failed("a:1", "1:1", 1h);
  EXPECT_LE(*s.all.next_due(), 1h + 500ms);
}

TEST(Seeds, EachAddressHasItsOwnReason) {
  some_seeds s{{"all:1", "nobody:1", "other:1"}};
  s.all.due(0s, s.random, nobody);
  s.all.found("all:1", {"1:1", "2:1", "us:1"}, 0s, s.random, nobody);
  s.all.not_found("nobody:1", "no such name", 0s, s.random);
  s.to_ask();
  s.failed("all:1", "1:1");
  s.reached("all:1", "2:1", 2);
  s.is_ourselves("all:1", "us:1");

  std::string text;
  for (const auto& [seed, address, what, why] : s.all.attempts())
    text += seed + "|" + address + "|" + std::to_string(static_cast<int>(what)) + "|" + why + "\n";

  EXPECT_EQ(text, "all:1|1:1|3|refused\n"
                  "all:1|2:1|2|\n"
                  "all:1|us:1|1|\n"
                  "nobody:1||3|no such name\n"
                  "other:1||0|\n");
}

} // namespace

} // namespace starling::membership
