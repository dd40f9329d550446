#include "wire/call_guard.hpp"

#include <gtest/gtest.h>

namespace starling::wire {
namespace {

constexpr session_id own{42};

std::string call(const call_header& h, std::string_view content = "content") {
  writer out;
  encode(out, h);
  out.raw(content);
  return std::move(out).take();
}

/// The content of a call that is admitted; otherwise why it is not.
std::string admit(call_guard& guard, const std::string& bytes) {
  const auto done = guard.admit(bytes);
  if (const auto* yes = std::get_if<call_guard::admitted>(&done))
    return std::string{yes->content};
  if (const auto* other = std::get_if<call_guard::challenged>(&done))
    return other->answer == encode_answer(guard.present()) ? "challenged" : "another challenge";
  return std::string{std::get<decode_error>(done).what};
}

constexpr const auto* repeated = "a call that was made before";

TEST(CallGuard, AdmitsEachCallOnce) {
  call_guard guard{own, 8};
  for (const std::uint64_t number : {1, 2, 5, 4, 3}) {
    EXPECT_EQ(admit(guard, call({{7}, number, {own}})), "content");
    EXPECT_EQ(admit(guard, call({{7}, number, {own}})), repeated);
    EXPECT_EQ(admit(guard, call({{7}, number, {own}}, "another")), repeated);
  }
  EXPECT_EQ(admit(guard, call({{8}, 1, {own}}, "")), "") << "of another caller";
  EXPECT_EQ(guard.repeated(), 10u);
}

TEST(CallGuard, ChallengesACallForAnotherProcess) {
  call_guard guard{own, 8};
  EXPECT_EQ(admit(guard, call({{7}, 1, {}})), "challenged");
  EXPECT_EQ(admit(guard, call({{7}, 1, {{43}}})), "challenged");
  EXPECT_EQ(admit(guard, call({{7}, 1, {own, 1}})), "challenged");
  EXPECT_EQ(admit(guard, call({{7}, 1, guard.present()})), "content")
      << "the number was not used up";
}

TEST(CallGuard, ChallengesAnewWhenItForgotACaller) {
  call_guard guard{own, 2};
  const auto old = call({{1}, 1, guard.present()});
  ASSERT_EQ(admit(guard, old), "content");
  ASSERT_EQ(admit(guard, call({{2}, 1, guard.present()})), "content");
  ASSERT_EQ(admit(guard, call({{3}, 1, guard.present()})), "content"); // and the first is forgotten

  EXPECT_EQ(admit(guard, old), "challenged");
  EXPECT_EQ(guard.present(), (challenge{own, 1}));
  EXPECT_EQ(admit(guard, call({{1}, 2, guard.present()})), "content");
}

TEST(CallGuard, RefusesBytesThatAreNoCall) {
  call_guard guard{own, 8};
  const auto good = call({{7}, 1, {own}}, "");
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(admit(guard, good.substr(0, size)), "") << size;
  EXPECT_EQ(admit(guard, "\x01" + good.substr(1)), "unknown version of a call");
  EXPECT_EQ(admit(guard, good), "") << "nothing of that used the number up";
}

} // namespace
} // namespace starling::wire
