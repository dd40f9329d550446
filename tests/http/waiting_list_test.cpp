#include "http/waiting_list.hpp"

#include <gmock/gmock.h>
#include <vector>

namespace starling::http {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

const waiting_list::clock::time_point start{1000s};

/// Who goes, one after the other, to make room.
std::vector<waiting_list::number> emptied(waiting_list list, waiting_list::clock::time_point now) {
  std::vector<waiting_list::number> result;
  while (const auto who = list.least_missed(now)) {
    result.push_back(*who);
    list.remove(*who);
  }
  return result;
}

TEST(WaitingList, KnowsWhoseDeadlineIsNext) {
  waiting_list list;
  EXPECT_EQ(list.first_deadline(), std::nullopt);
  list.put(1, stage::idle, start, start + 30s);
  list.put(2, stage::head, start, start + 10s);
  list.put(3, stage::busy, start, start);

  EXPECT_EQ(list.first_deadline(), start + 10s);
  EXPECT_EQ(list.overdue(start + 9s), std::nullopt);
  EXPECT_EQ(list.overdue(start + 10s), 2U);
  list.remove(2);
  EXPECT_EQ(list.overdue(start + 10s), std::nullopt);
  EXPECT_EQ(list.overdue(start + 30s), 1U);
  list.put(1, stage::busy, start, start);
  EXPECT_EQ(list.overdue(start + 1h), std::nullopt) << "our own answer has no deadline here";
}

TEST(WaitingList, ForgetsWhatWasBefore) {
  waiting_list list;
  list.put(1, stage::silent, start, start + 1s);
  list.put(1, stage::body, start, start + 5s);

  EXPECT_EQ(list.size(), 1U);
  EXPECT_EQ(list.find(1), stage::body);
  EXPECT_EQ(list.deadline(1), start + 5s);
  list.remove(1);
  list.remove(1);
  EXPECT_EQ(list.size(), 0U);
  EXPECT_EQ(list.find(1), std::nullopt);
  EXPECT_EQ(list.first_deadline(), std::nullopt);
}

TEST(WaitingList, MissesTheSilentLeastAndNeverThoseWhoWaitForUs) {
  waiting_list list;
  const auto never = start + 1h;
  list.put(1, stage::busy, start, never);
  list.put(2, stage::sending, start, never);
  list.put(3, stage::body, start + 1s, never);
  list.put(4, stage::head, start + 20s, never);
  list.put(5, stage::head, start + 2s, never); // slow
  list.put(6, stage::idle, start + 3s, never);
  list.put(7, stage::idle, start + 2s, never);
  list.put(8, stage::ending, start + 9s, never);
  list.put(9, stage::silent, start + 20s, never);
  list.put(10, stage::silent, start + 19s, never);

  EXPECT_THAT(emptied(list, start + 20s), ElementsAre(10, 9, 5, 8, 7, 6, 4, 3));
}

TEST(WaitingList, CountsTheWholeTimeInAStage) {
  waiting_list list;
  const auto never = start + 1h;
  list.put(1, stage::idle, start, never);
  list.put(2, stage::idle, start + 1s, never);
  list.put(1, stage::idle, start + 2s, never + 1s);
  EXPECT_THAT(emptied(list, start + 3s), ElementsAre(1, 2));

  list.put(1, stage::busy, start + 3s, never);
  list.put(1, stage::idle, start + 4s, never);
  EXPECT_THAT(emptied(list, start + 5s), ElementsAre(2, 1));
}

TEST(WaitingList, FindsTheLongestOfSeveralTransfers) {
  waiting_list list;
  const auto never = start + 1h;
  EXPECT_EQ(list.longest_transfer(), std::nullopt);
  list.put(1, stage::body, start + 1s, never);
  list.put(2, stage::idle, start, never);
  EXPECT_EQ(list.longest_transfer(), std::nullopt) << "a single one is in nobody's way";
  list.put(3, stage::sending, start, never);
  EXPECT_EQ(list.longest_transfer(), 3U);
  list.put(3, stage::sending, start, never);
  list.put(4, stage::body, start - 1s, never);
  EXPECT_EQ(list.longest_transfer(), 4U);
}

} // namespace
} // namespace starling::http
