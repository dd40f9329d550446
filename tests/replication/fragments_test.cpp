#include "replication/fragments.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace starling::replication {
namespace {

using enum assembly::outcome;

const session_id ann{1};
const session_id bob{2};
const session_id eve{3};

constexpr unsigned long_ago = 16; // intervals

void let_pass(assembly& a, unsigned intervals) {
  for (unsigned i = 0; i < intervals; ++i)
    a.age();
}

/// Sends all of a content in pieces; returns what the last one led to.
assembly::outcome send(assembly& to, session_id from, std::uint64_t number,
                       std::string_view content, std::size_t piece = 3) {
  auto result = kept;
  for (std::uint64_t offset = 0; offset < content.size(); offset += piece) {
    EXPECT_EQ(result, kept) << "before offset " << offset;
    result = to.add(from, cut(number, content, offset, piece));
  }
  return result;
}

TEST(Fragment, IsAPieceOfTheContentThatSaysWhereItIs) {
  EXPECT_EQ(cut(7, "abcdefgh", 0, 3), (fragment{7, 8, 0, "abc"}));
  EXPECT_EQ(cut(7, "abcdefgh", 6, 3), (fragment{7, 8, 6, "gh"}));
  EXPECT_EQ(cut(7, "abcdefgh", 0, 100), (fragment{7, 8, 0, "abcdefgh"}));
  EXPECT_EQ(cut(7, "abcdefgh", 8, 3), (fragment{7, 8, 8, ""}));
}

TEST(Assembly, PutsPiecesTogether) {
  assembly a{100};

  EXPECT_EQ(a.add(ann, {1, 8, 0, "abc"}), kept);
  EXPECT_EQ(a.add(ann, {1, 8, 3, "def"}), kept);
  EXPECT_EQ(a.add(ann, {1, 8, 6, "gh"}), whole);
  EXPECT_EQ(a.content(ann), "abcdefgh");
}

TEST(Assembly, TakesAContentOfOnePiece) {
  assembly a{100};

  EXPECT_EQ(a.add(ann, {1, 3, 0, "abc"}), whole);
  EXPECT_EQ(a.content(ann), "abc");
}

TEST(Assembly, TakesTheSamePieceTwice) {
  assembly a{100};

  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(a.add(ann, {1, 8, 0, "abc"}), kept);
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(a.add(ann, {1, 8, 3, "def"}), kept);
  EXPECT_EQ(a.add(ann, {1, 8, 0, "abc"}), kept);
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(a.add(ann, {1, 8, 6, "gh"}), whole);
  EXPECT_EQ(a.add(ann, {1, 8, 0, "abc"}), kept); // the last one may still come again
  EXPECT_EQ(a.content(ann), "abcdefgh");
  EXPECT_EQ(a.bytes(), 8u);
}

TEST(Assembly, TakesPiecesOfAnotherLengthThatOverlap) {
  assembly a{100};

  EXPECT_EQ(a.add(ann, {1, 8, 0, "abc"}), kept);
  EXPECT_EQ(a.add(ann, {1, 8, 0, "abcdef"}), kept);
  EXPECT_EQ(a.add(ann, {1, 8, 1, "bc"}), kept);
  EXPECT_EQ(a.add(ann, {1, 8, 4, "efgh"}), whole);
  EXPECT_EQ(a.content(ann), "abcdefgh");
}

TEST(Assembly, KeepsSessionsApart) {
  assembly a{100};

  EXPECT_EQ(a.add(ann, {1, 4, 0, "ab"}), kept);
  EXPECT_EQ(a.add(bob, {1, 4, 0, "xy"}), kept);
  EXPECT_EQ(a.add(ann, {1, 4, 2, "cd"}), whole);
  EXPECT_EQ(a.add(bob, {1, 4, 2, "zz"}), whole);
  EXPECT_EQ(a.content(ann), "abcd");
  EXPECT_EQ(a.content(bob), "xyzz");
}

TEST(Assembly, StartsOverWhereAPieceGoesOnWithNothing) {
  assembly a{100};

  EXPECT_EQ(a.add(ann, {1, 8, 3, "def"}), start_over);
  EXPECT_EQ(a.bytes(), 0u);
  EXPECT_EQ(a.add(ann, {1, 8, 0, "abc"}), kept);
  EXPECT_EQ(a.add(ann, {1, 8, 6, "gh"}), start_over);
  EXPECT_EQ(a.add(ann, {1, 8, 3, "def"}), kept); // what is here is still good
}

TEST(Assembly, StartsOverWithPiecesThatAreOutOfBounds) {
  assembly a{100};
  EXPECT_EQ(a.add(ann, {1, 8, 0, "abc"}), kept);

  EXPECT_EQ(a.add(ann, {1, 4, 3, "def"}), start_over);
  EXPECT_EQ(a.add(ann, {1, 8, 9, ""}), start_over);
  EXPECT_EQ(a.add(ann, {1, 8, UINT64_MAX, "def"}), start_over);
  EXPECT_EQ(a.add(bob, {1, 2, 0, "abc"}), start_over);
  EXPECT_EQ(a.bytes(), 8u);
}

TEST(Assembly, StartsOverWhereTheSizeIsAnother) {
  assembly a{100};
  EXPECT_EQ(a.add(ann, {1, 8, 0, "abc"}), kept);

  EXPECT_EQ(a.add(ann, {1, 6, 3, "def"}), start_over);
  EXPECT_EQ(a.add(ann, {1, 9, 0, "abc"}), start_over);
  EXPECT_EQ(a.bytes(), 8u);
}

TEST(Assembly, GivesUpAContentForALaterOne) {
  assembly a{100};
  EXPECT_EQ(a.add(ann, {1, 8, 0, "abc"}), kept);

  EXPECT_EQ(a.add(ann, {2, 5, 0, "uvw"}), kept);
  EXPECT_EQ(a.bytes(), 5u);
  EXPECT_EQ(a.add(ann, {2, 5, 3, "xy"}), whole);
  EXPECT_EQ(a.content(ann), "uvwxy");
}

TEST(Assembly, StartsOverWhereAPieceIsOfTheMiddleOfAnotherContent) {
  assembly a{100};
  EXPECT_EQ(a.add(ann, {5, 6, 0, "abc"}), kept);

  EXPECT_EQ(a.add(ann, {6, 6, 3, "xyz"}), start_over);
  EXPECT_EQ(a.add(ann, {4, 6, 3, "xyz"}), start_over);
  EXPECT_EQ(a.add(ann, {4, 6, 0, "xyz"}), start_over);
  EXPECT_EQ(a.add(ann, {5, 6, 3, "def"}), whole);
  EXPECT_EQ(a.content(ann), "abcdef");
}

TEST(Assembly, RefusesWhatIsTooLarge) {
  assembly a{8};

  EXPECT_EQ(a.add(ann, {1, 9, 0, "abc"}), too_large);
  EXPECT_EQ(a.add(ann, {1, UINT64_MAX, 0, "abc"}), too_large);
  EXPECT_EQ(a.bytes(), 0u);
  EXPECT_EQ(a.add(ann, {1, 8, 0, "abc"}), kept);
}

TEST(Assembly, KeepsRoomForAllOfAContentFromItsFirstPieceOn) {
  assembly a{10};
  EXPECT_EQ(a.add(ann, {1, 6, 0, "a"}), kept);
  EXPECT_EQ(a.bytes(), 6u);

  EXPECT_EQ(a.add(bob, {1, 5, 0, "x"}), busy);
  EXPECT_EQ(a.add(bob, {1, 4, 0, "x"}), kept);
  EXPECT_EQ(a.bytes(), 10u);
}

TEST(Assembly, HasRoomAgainWhenAContentWasUsedOrForgotten) {
  assembly a{10};
  EXPECT_EQ(send(a, ann, 1, "abcdef"), whole);
  EXPECT_EQ(a.add(bob, {1, 6, 0, "x"}), busy);
  a.used(ann, 1);
  EXPECT_EQ(a.add(bob, {1, 6, 0, "x"}), kept);
  EXPECT_EQ(a.add(eve, {1, 6, 0, "x"}), busy);
  a.forget(bob);
  EXPECT_EQ(a.add(eve, {1, 6, 0, "x"}), kept);
}

TEST(Assembly, GivesUpWhatIsOldForWhatIsNew) {
  assembly a{10};
  EXPECT_EQ(a.add(ann, {1, 6, 0, "abc"}), kept);

  let_pass(a, long_ago - 1);
  EXPECT_EQ(a.add(bob, {1, 6, 0, "xyz"}), busy);
  let_pass(a, 1);
  EXPECT_EQ(a.add(bob, {1, 6, 0, "xyz"}), kept);
  EXPECT_EQ(a.bytes(), 6u);
  EXPECT_EQ(a.add(ann, {1, 6, 3, "def"}), start_over);
}

TEST(Assembly, GivesUpOnlyWhatIsOldAndInTheWay) {
  assembly a{10};
  EXPECT_EQ(a.add(ann, {1, 4, 0, "ab"}), kept);
  EXPECT_EQ(a.add(bob, {1, 4, 0, "vw"}), kept);
  let_pass(a, long_ago - 1);
  EXPECT_EQ(a.add(bob, {1, 4, 0, "vw"}), kept); // fresh again
  let_pass(a, 1);

  EXPECT_EQ(a.add(eve, {1, 7, 0, "x"}), busy); // not even without the old one
  EXPECT_EQ(a.add(eve, {1, 6, 0, "x"}), kept);
  EXPECT_EQ(a.add(bob, {1, 4, 2, "xy"}), whole);
}

TEST(Assembly, KeepsWhatIsOldWhileThereIsRoom) {
  assembly a{100};
  EXPECT_EQ(a.add(ann, {1, 6, 0, "abc"}), kept);
  let_pass(a, 10 * long_ago);

  EXPECT_EQ(a.add(bob, {1, 6, 0, "xyz"}), kept);
  EXPECT_EQ(a.add(ann, {1, 6, 3, "def"}), whole);
}

TEST(Assembly, KnowsWhatWasUsed) {
  assembly a{100};
  EXPECT_EQ(send(a, ann, 3, "abcdef"), whole);

  a.used(ann, 3);

  EXPECT_EQ(a.bytes(), 0u);
  EXPECT_EQ(a.add(ann, {3, 6, 3, "def"}), done);
  EXPECT_EQ(a.add(ann, {3, 6, 0, "abc"}), done);
  EXPECT_EQ(a.add(ann, {2, 6, 0, "abc"}), start_over);
  EXPECT_EQ(send(a, ann, 4, "uvwxyz"), whole);
  EXPECT_EQ(a.content(ann), "uvwxyz");
}

TEST(Assembly, TakesNoNoticeWhereAnotherNumberWasUsed) {
  assembly a{100};
  EXPECT_EQ(send(a, ann, 3, "abcdef"), whole);

  a.used(ann, 2);
  a.used(ann, 4);
  a.used(bob, 3);

  EXPECT_EQ(a.bytes(), 6u);
  EXPECT_EQ(a.add(ann, {3, 6, 3, "def"}), whole);
  EXPECT_EQ(a.content(ann), "abcdef");
}

TEST(Assembly, ForgetsASession) {
  assembly a{100};
  EXPECT_EQ(send(a, ann, 3, "abcdef"), whole);
  EXPECT_EQ(a.add(bob, {1, 6, 0, "xyz"}), kept);

  a.forget(ann);
  a.forget(eve);

  EXPECT_EQ(a.bytes(), 6u);
  EXPECT_EQ(a.add(ann, {3, 6, 3, "def"}), start_over);
  EXPECT_EQ(a.add(ann, {1, 3, 0, "abc"}), whole); // even a number that was
}

TEST(Assembly, CountsNoByteTwice) {
  assembly a{100};
  EXPECT_EQ(send(a, ann, 1, "abcdef"), whole);
  a.used(ann, 1);
  a.used(ann, 1);
  EXPECT_EQ(a.bytes(), 0u);
  a.forget(ann);
  EXPECT_EQ(a.bytes(), 0u);

  EXPECT_EQ(send(a, ann, 2, "abcdef"), whole);
  EXPECT_EQ(a.add(ann, {3, 4, 0, "ab"}), kept);
  EXPECT_EQ(a.bytes(), 4u);
  a.forget(ann);
  EXPECT_EQ(a.bytes(), 0u);
}

TEST(Assembly, KnowsOnlySoManySessions) {
  assembly a{1'000'000};
  std::uint64_t last = 0;
  while (a.add({last + 1}, {1, 2, 0, "x"}) == kept)
    ASSERT_LT(++last, 100'000u);

  EXPECT_EQ(a.add({last + 1}, {1, 2, 0, "x"}), busy);
  EXPECT_EQ(a.add({last}, {2, 2, 0, "x"}), kept); // one that is known
  a.used({1}, 1);
  EXPECT_EQ(a.add({last + 1}, {1, 2, 0, "x"}), busy); // it is known for what it sent
  let_pass(a, long_ago);
  EXPECT_EQ(a.add({last + 1}, {1, 2, 0, "x"}), kept);
  EXPECT_EQ(a.bytes(), 2 * (last - 1) + 2);
}

/// The content that a session sends by a number; always the same.
std::string content_of(session_id from, std::uint64_t number) {
  std::mt19937_64 random{from.value * 1000 + number};
  std::string result(1 + random() % 200, '\0');
  for (auto& c : result)
    c = static_cast<char>(random());
  return result;
}

TEST(Assembly, MakesNothingButWhatWasSentWhateverHappensToThePieces) {
  std::size_t finished = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    assembly a{500};
    struct sender {
      std::uint64_t number = 1;
      std::uint64_t offset = 0;
      std::vector<fragment> sent;
    };
    std::vector<sender> senders(5);
    for (int step = 0; step < 400; ++step) {
      const auto i = random() % senders.size();
      const session_id from{i};
      auto& s = senders[i];
      if (random() % 50 == 0)
        a.forget(from);
      if (random() % 20 == 0)
        a.age();
      if (random() % 40 == 0) { // gives up
        ++s.number;
        s.offset = 0;
      }
      const auto content = content_of(from, s.number);
      const bool again = !s.sent.empty() && random() % 3 == 0;
      if (!again)
        s.sent.push_back(cut(s.number, content, s.offset, 1 + random() % 80));
      const auto piece = again ? s.sent[random() % s.sent.size()] : s.sent.back();

      const auto result = a.add(from, piece);

      ASSERT_LE(a.bytes(), 500u);
      if (result == whole) {
        ASSERT_EQ(a.content(from), content_of(from, piece.number));
        ++finished;
        if (random() % 2 == 0)
          a.used(from, piece.number);
      }
      if (again)
        continue;
      if (result == kept)
        s.offset += piece.bytes.size();
      else if (result != busy)
        s.offset = 0;
      if (result == done || result == whole)
        ++s.number;
    }
    for (std::uint64_t i = 0; i < senders.size(); ++i)
      a.forget({i});
    ASSERT_EQ(a.bytes(), 0u);
  }
  EXPECT_GT(finished, 1000u);
}

} // namespace
} // namespace starling::replication
