#include "membership/dissemination.hpp"
#include "membership/settings.hpp"
#include "tests/membership/samples.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace starling::membership {

namespace {

using urgency = dissemination::urgency;

std::vector<node_id> ids(std::initializer_list<std::uint64_t> numbers) {
  std::vector<node_id> result;
  for (const auto number : numbers)
    result.push_back(numbered(number));
  return result;
}

TEST(Dissemination, NothingIsToldOfNobody) {
  dissemination queue;
  EXPECT_TRUE(queue.is_empty());
  EXPECT_TRUE(queue.order().empty());
}

TEST(Dissemination, TheMostUrgentGoesFirst) {
  dissemination queue;
  queue.add(numbered(1), urgency::alive, 3);
  queue.add(numbered(2), urgency::dead, 3);
  queue.add(numbered(3), urgency::suspect, 3);
  queue.add(numbered(4), urgency::refutation, 3);
  queue.add(numbered(5), urgency::leave, 3);

  EXPECT_EQ(queue.order(), ids({4, 5, 2, 3, 1}));
}

TEST(Dissemination, OfOneClassWhatWasSentLeastGoesFirstAndThenWhatCameLast) {
  dissemination queue;
  queue.add(numbered(1), urgency::dead, 5);
  queue.add(numbered(2), urgency::dead, 5);
  queue.add(numbered(3), urgency::dead, 5);
  EXPECT_EQ(queue.order(), ids({3, 2, 1}));

  queue.sent(numbered(3));
  EXPECT_EQ(queue.order(), ids({2, 1, 3}));
  queue.sent(numbered(2));
  queue.sent(numbered(1));
  EXPECT_EQ(queue.order(), ids({3, 2, 1}));
}

TEST(Dissemination, EachItemIsSentAsOftenAsItMay) {
  dissemination queue;
  queue.add(numbered(1), urgency::alive, 3);

  for (int i = 0; i < 2; ++i) {
    queue.sent(numbered(1));
    EXPECT_FALSE(queue.is_empty());
  }
  queue.sent(numbered(1));

  EXPECT_TRUE(queue.is_empty());
  EXPECT_TRUE(queue.order().empty());
  queue.sent(numbered(1)); // which is nothing
  EXPECT_TRUE(queue.is_empty());
}

TEST(Dissemination, NewsOfAMemberReplaceWhatWasToBeTold) {
  dissemination queue;
  queue.add(numbered(1), urgency::suspect, 2);
  queue.sent(numbered(1));

  queue.add(numbered(1), urgency::alive, 2);

  EXPECT_EQ(queue.size(), 1u);
  queue.sent(numbered(1));
  EXPECT_FALSE(queue.is_empty()) << "the count begins anew";
  queue.sent(numbered(1));
  EXPECT_TRUE(queue.is_empty());
}

TEST(Dissemination, WhatIsRemovedIsNotTold) {
  dissemination queue;
  queue.add(numbered(1), urgency::alive, 3);
  queue.add(numbered(2), urgency::alive, 3);
  EXPECT_EQ(queue.order().size(), 2u);

  queue.remove(numbered(2));

  EXPECT_EQ(queue.order(), ids({1}));
  queue.remove(numbered(9));
  EXPECT_EQ(queue.size(), 1u);
}

// -- how often is enough --

/// Gossip of one update by everyone who has it, to `fanout` others at random in each round, until
/// all have used up their sends; returns how many never heard of it.
std::size_t missed_by(std::size_t members, double loss, const settings& s, random_source& random) {
  const auto sends = sends_of_an_update(s, members);
  std::vector<std::size_t> left(members, 0);
  std::vector<bool> knows(members, false);
  left[0] = sends;
  knows[0] = true;
  bool is_over = false;
  while (!is_over) {
    is_over = true;
    const auto before = left; // what arrives in a round is passed on from the next
    for (std::size_t from = 0; from < members; ++from) {
      std::vector<std::size_t> chosen;
      const auto most = std::min({s.gossip_fanout, members - 1, before[from]});
      while (chosen.size() < most) {
        const auto to = random.below(members);
        if (to == from || std::ranges::find(chosen, to) != chosen.end())
          continue;
        chosen.push_back(to);
        --left[from];
        is_over = false;
        if (knows[to] || random.chance(loss))
          continue;
        knows[to] = true;
        left[to] = sends;
      }
    }
  }
  return static_cast<std::size_t>(std::ranges::count(knows, false));
}

/// How many of a thousand members miss an update, on average.
double missed_of_thousand(std::size_t members, double loss, const settings& s, int updates) {
  random_source random{members};
  std::size_t missed = 0;
  for (int i = 0; i < updates; ++i)
    missed += missed_by(members, loss, s, random);
  return 1000.0 * static_cast<double>(missed) / (static_cast<double>(members - 1) * updates);
}

TEST(Dissemination, FewerThanOneInAThousandMissAnUpdateAtTenPercentLoss) {
  for (const std::size_t members : {3, 4, 5, 7, 8, 9, 12, 20, 21, 35, 55, 56, 80, 100})
    EXPECT_LT(missed_of_thousand(members, 0.1, {}, 4000), 1.0) << members << " members";
}

TEST(Dissemination, WithoutTheSpareSendsManyWouldMissIt) {
  settings fewer;
  fewer.spare_sends = 0;

  EXPECT_GT(missed_of_thousand(100, 0.1, fewer, 1000), 5.0);
}

} // namespace

} // namespace starling::membership
