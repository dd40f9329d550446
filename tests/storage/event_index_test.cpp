#include "storage/event_index.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <utility>

namespace starling::storage {
namespace {

using namespace std::string_literals;

crdt::payload text(std::string x) {
  return {crdt::payload_kind::text, std::move(x)};
}

const std::string apple = "\x02"s + "apple";
const std::string pear = "\x02"s + "pear";

/// What a row says, as pairs.
std::multimap<unsigned, std::string> said(std::string_view row) {
  std::multimap<unsigned, std::string> result;
  const auto read = read_index(row);
  EXPECT_TRUE(read);
  if (read)
    for (const auto& [place, member] : *read)
      result.emplace(place, member);
  return result;
}

TEST(EventIndex, SaysWhichMemberAnEventHolds) {
  wire::writer row;
  put_held(row, 35, text("apple"));
  put_held(row, 32, text("pear"));
  EXPECT_EQ(said(row.view()), (std::multimap<unsigned, std::string>{{0, pear}, {3, apple}}));
}

TEST(EventIndex, ForgetsWhatIsOver) {
  wire::writer row;
  put_held(row, 35, text("apple"));
  put_held(row, 36, text("pear"));
  put_over(row, 35);
  put_over(row, 40); // nothing was said of it here
  EXPECT_EQ(said(row.view()), (std::multimap<unsigned, std::string>{{4, pear}}));
  put_over(row, 36);
  EXPECT_EQ(said(row.view()).size(), 0u);
  EXPECT_EQ(tidied(std::string{row.view()}), "");
}

TEST(EventIndex, HoldsSeveralMembersByOneEvent) {
  wire::writer row;
  put_held(row, 35, text("pear"));
  put_held(row, 35, text("apple"));
  put_held(row, 35, text("apple"));
  EXPECT_EQ(said(row.view()), (std::multimap<unsigned, std::string>{{3, apple}, {3, pear}}));
  put_over(row, 35, text("pear"));
  EXPECT_EQ(said(row.view()), (std::multimap<unsigned, std::string>{{3, apple}}));
}

TEST(EventIndex, IsTidiedToOneRowForOneContent) {
  wire::writer one;
  put_held(one, 1, text("apple"));
  put_held(one, 2, text("pear"));
  wire::writer other;
  put_held(other, 2, text("pear"));
  put_held(other, 3, text("plum"));
  put_held(other, 1, text("apple"));
  put_over(other, 3);
  EXPECT_EQ(tidied(std::string{one.view()}), one.view());
  EXPECT_EQ(tidied(std::string{other.view()}), one.view());
}

TEST(EventIndex, LeavesAloneWhatWasNotWritten) {
  for (const auto& bytes : {"x"s, "\3"s, "\0\7abc"s, "\1\3"s}) {
    EXPECT_EQ(read_index(bytes), std::nullopt);
    EXPECT_EQ(tidied(bytes), bytes);
  }
}

TEST(EventIndex, HasOneFormat) {
  wire::writer row;
  put_held(row, 33, text("fig"));
  put_over(row, 34);
  put_over(row, 63, text("fig"));
  EXPECT_EQ(row.view(), "\x04\x04\x02"s + "fig\x09\x7e\x04\x02" + "fig");
}

// However the pieces of a row are put together, and wherever it is tidied on the way.
TEST(EventIndex, SaysTheSameWhereverItIsTidied) {
  std::mt19937 random{1};
  for (int round = 0; round < 200; ++round) {
    std::set<std::pair<unsigned, std::string>> model;
    std::string untouched;
    std::string often_tidied;
    for (unsigned next = 0; next < block_events;) {
      wire::writer more;
      if (random() % 2 == 0 || model.empty()) {
        const auto member = text(std::to_string(random() % 5));
        put_held(more, next, member);
        model.emplace(next, "\x02" + member.data);
        next += random() % 3 == 0 ? 0 : 1;
      } else {
        const auto gone = *std::next(model.begin(), static_cast<long>(random() % model.size()));
        put_over(more, gone.first, text(gone.second.substr(1)));
        model.erase(gone);
      }
      untouched += more.view();
      often_tidied += more.view();
      if (random() % 3 == 0)
        often_tidied = tidied(often_tidied);
    }
    const std::multimap<unsigned, std::string> expected{model.begin(), model.end()};
    ASSERT_EQ(said(untouched), expected);
    ASSERT_EQ(tidied(often_tidied), tidied(untouched));
  }
}

} // namespace
} // namespace starling::storage
