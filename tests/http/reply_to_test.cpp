#include "http/reply_to.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace starling::http {
namespace {

using std::chrono::seconds;

bool is_ready(const std::future<std::string>& future) {
  return future.wait_for(seconds{0}) == std::future_status::ready;
}

class ReplyTo : public testing::Test {
protected:
  reply_to<std::string> make() {
    auto promise = std::make_shared<std::promise<std::string>>();
    future = promise->get_future();
    return reply_to<std::string>{std::move(promise)};
  }

  std::future<std::string> future;
};

TEST_F(ReplyTo, HandsTheAnswerToWhoWaits) {
  auto reply = make();
  EXPECT_FALSE(is_ready(future));

  reply("yes");

  ASSERT_TRUE(is_ready(future));
  EXPECT_EQ(future.get(), "yes");
}

TEST_F(ReplyTo, AnswersOnce) {
  auto reply = make();

  reply("first");
  reply("second");

  EXPECT_EQ(future.get(), "first");
}

TEST_F(ReplyTo, IsOpenAsLongAsACopyIsLeft) {
  auto reply = make();
  auto copy = reply;
  reply = {};
  EXPECT_FALSE(is_ready(future));

  copy("yes");

  EXPECT_EQ(future.get(), "yes");
}

TEST_F(ReplyTo, IsBrokenWhenItsLastCopyIsDropped) {
  {
    const auto reply = make();
    const auto copy = reply; // NOLINT(performance-unnecessary-copy-initialization)
    EXPECT_FALSE(is_ready(future));
  }

  ASSERT_TRUE(is_ready(future));
  EXPECT_THROW(future.get(), std::future_error);
}

TEST_F(ReplyTo, DropsAnAnswerThatNobodyWaitsFor) {
  auto reply = make();
  future = {};

  reply("too late");
}

TEST_F(ReplyTo, ToNobodyDoesNothing) {
  reply_to<std::string> reply;

  reply("to nobody");
}

} // namespace
} // namespace starling::http
