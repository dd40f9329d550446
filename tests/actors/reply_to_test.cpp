#include "actors/reply_to.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace starling::actors {
namespace {

class ReplyTo : public testing::Test {
protected:
  reply_to<std::string> make() {
    return {[this](std::string answer) { told.push_back(std::move(answer)); }, "dropped"};
  }

  std::vector<std::string> told;
};

using answers = std::vector<std::string>;

TEST_F(ReplyTo, TellsTheAnswer) {
  auto reply = make();
  EXPECT_EQ(told, answers{});

  reply("yes");

  EXPECT_EQ(told, answers{"yes"});
}

TEST_F(ReplyTo, AnswersOnce) {
  {
    auto reply = make();
    reply("first");
    reply("second");
  }
  EXPECT_EQ(told, answers{"first"});
}

TEST_F(ReplyTo, IsOpenAsLongAsACopyIsLeft) {
  auto reply = make();
  auto copy = reply;
  reply = {};
  EXPECT_EQ(told, answers{});

  copy("yes");

  EXPECT_EQ(told, answers{"yes"});
}

TEST_F(ReplyTo, TellsWhenItsLastCopyIsDropped) {
  {
    const auto reply = make();
    const auto copy = reply; // NOLINT(performance-unnecessary-copy-initialization)
    EXPECT_EQ(told, answers{});
  }
  EXPECT_EQ(told, answers{"dropped"});
}

TEST_F(ReplyTo, ToNobodyDoesNothing) {
  reply_to<std::string> reply;

  reply("to nobody");
}

} // namespace
} // namespace starling::actors
