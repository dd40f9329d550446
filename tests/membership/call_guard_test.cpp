#include "membership/call_guard.hpp"
#include "wire/seal.hpp"

#include <gtest/gtest.h>

namespace starling::membership {
namespace {

using verdict = call_guard::verdict;

constexpr session_id own{42};

TEST(CallGuard, TakesEachCallOnce) {
  call_guard guard{own, 8};
  for (const std::uint64_t number : {1, 2, 5, 4, 3}) {
    EXPECT_EQ(guard.admit({{7}, number, {own}}), verdict::taken);
    EXPECT_EQ(guard.admit({{7}, number, {own}}), verdict::repeated);
  }
  EXPECT_EQ(guard.admit({{8}, 1, {own}}), verdict::taken) << "of another caller";
}

TEST(CallGuard, ChallengesWhoMeansAnotherProcess) {
  call_guard guard{own, 8};
  EXPECT_EQ(guard.admit({{7}, 1, {}}), verdict::challenged);
  EXPECT_EQ(guard.admit({{7}, 1, {{43}}}), verdict::challenged);
  EXPECT_EQ(guard.admit({{7}, 1, {own, 1}}), verdict::challenged);
  EXPECT_EQ(guard.admit({{7}, 1, guard.present()}), verdict::taken) << "the number was not used up";
}

TEST(CallGuard, ChallengesAnewWhenItForgotSomebody) {
  call_guard guard{own, 2};
  const call_header old{{1}, 1, guard.present()};
  ASSERT_EQ(guard.admit(old), verdict::taken);
  ASSERT_EQ(guard.admit({{2}, 1, guard.present()}), verdict::taken);
  ASSERT_EQ(guard.admit({{3}, 1, guard.present()}), verdict::taken); // and the first is forgotten

  EXPECT_EQ(guard.admit(old), verdict::challenged);
  EXPECT_EQ(guard.present(), (challenge{own, 1}));
  EXPECT_EQ(guard.admit({{1}, 2, guard.present()}), verdict::taken);
}

TEST(CallGuard, ACallBeginsWithItsHeader) {
  const call_header h{{0x0102030405060708}, 300, {{0x1112131415161718}, 5}};
  wire::writer out;
  encode(out, h);
  out.raw("content");

  EXPECT_EQ(wire::to_hex(out.view()), "01"
                                      "0102030405060708"
                                      "ac02"
                                      "1112131415161718"
                                      "05"
                                      "636f6e74656e74");
  wire::reader in{out.view()};
  const auto read = decode_call_header(in);
  EXPECT_EQ(read.from, h.from);
  EXPECT_EQ(read.number, h.number);
  EXPECT_EQ(read.to, h.to);
  EXPECT_EQ(in.raw(in.remaining()), "content");
  for (std::size_t size = 0; size < 20; ++size) {
    wire::reader cut{out.view().substr(0, size)};
    decode_call_header(cut);
    EXPECT_FALSE(cut.ok()) << size;
  }
  const auto unknown = "\x02" + std::string(40, '\0');
  wire::reader other{unknown};
  decode_call_header(other);
  EXPECT_FALSE(other.ok());
}

TEST(CallGuard, AnAnswerIsContentOrAChallenge) {
  const auto content = encode_answer("content");
  EXPECT_FALSE(is_challenge(content));
  EXPECT_EQ(std::get<std::string_view>(decode_answer(content)), "content");
  EXPECT_EQ(std::get<std::string_view>(decode_answer(encode_answer(""))), "");

  const challenge c{{9}, 3};
  const auto challenged = encode_answer(c);
  EXPECT_TRUE(is_challenge(challenged));
  EXPECT_EQ(std::get<challenge>(decode_answer(challenged)), c);

  EXPECT_FALSE(is_challenge(""));
  for (const auto& bad : {std::string{}, std::string{"\x02"}, challenged + "x",
                          challenged.substr(0, challenged.size() - 1)})
    EXPECT_TRUE(std::holds_alternative<wire::decode_error>(decode_answer(bad))) << bad.size();
}

} // namespace
} // namespace starling::membership
