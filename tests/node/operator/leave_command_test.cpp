#include "node/operator/leave_command.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>

namespace starling::node {
namespace {

TEST(LeaveCommand, AnswersSurviveEncodingAndDecoding) {
  for (const auto& report : {actors::leave_report{}, actors::leave_report{3, 2, 0, true},
                             actors::leave_report{4096, 8, 300, false}}) {
    const auto decoded = decode_leave_report(encode(report));
    ASSERT_TRUE(std::holds_alternative<actors::leave_report>(decoded));
    EXPECT_EQ(std::get<actors::leave_report>(decoded).others, report.others);
    EXPECT_EQ(std::get<actors::leave_report>(decoded).acknowledged, report.acknowledged);
    EXPECT_EQ(std::get<actors::leave_report>(decoded).lacking, report.lacking);
    EXPECT_EQ(std::get<actors::leave_report>(decoded).left, report.left);
  }
}

TEST(LeaveCommand, AnswersThatAreNoneAreRefused) {
  const auto good = encode(actors::leave_report{300, 2, 1, false});
  for (const auto& bytes :
       {std::string{}, good.substr(0, good.size() - 1), good + "x", std::string(30, '\xff')})
    EXPECT_TRUE(std::holds_alternative<wire::decode_error>(decode_leave_report(bytes)));
}

TEST(LeaveCommand, FailsWithAReasonWhereNoNodeIs) {
  actors::register_types();
  config::options o;
  o.cluster.listen = "127.0.0.1:1";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out{std::tmpfile(), std::fclose};
  ASSERT_TRUE(out);

  EXPECT_EQ(leave_cluster(o, out.get()), 1);

  std::rewind(out.get());
  char line[200] = {};
  ASSERT_TRUE(std::fgets(line, sizeof line, out.get()));
  EXPECT_STREQ(line, "starlingd: cannot reach the node at 127.0.0.1:1: cannot connect: "
                     "Connection refused\n");
}

} // namespace
} // namespace starling::node
