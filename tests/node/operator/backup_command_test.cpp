#include "actors/backup.hpp"
#include "node/operator/backup_command.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>

namespace starling::node {
namespace {

class BackupCommand : public ::testing::Test {
protected:
  BackupCommand() { actors::register_types(); }

  /// The line that the command writes when it fails.
  static std::string failing(const config::options& o, const std::string& folder) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out{std::tmpfile(), std::fclose};
    EXPECT_EQ(order_backup(o, folder, out.get()), 1);
    std::rewind(out.get());
    char line[300] = {};
    EXPECT_TRUE(std::fgets(line, sizeof line, out.get()));
    return line;
  }
};

TEST_F(BackupCommand, AnswersSurviveEncodingAndDecoding) {
  for (const auto& report :
       {actors::backup_report{}, actors::backup_report{"/a", actors::backup_state::made, ""},
        actors::backup_report{"/a/b", actors::backup_state::refused, "one is being made"}}) {
    const auto decoded = decode_backup_report(encode(report));
    ASSERT_TRUE(std::holds_alternative<actors::backup_report>(decoded));
    EXPECT_EQ(std::get<actors::backup_report>(decoded).folder, report.folder);
    EXPECT_EQ(std::get<actors::backup_report>(decoded).state, report.state);
    EXPECT_EQ(std::get<actors::backup_report>(decoded).why, report.why);
  }
}

TEST_F(BackupCommand, AnswersThatAreNoneAreRefused) {
  const auto good = encode(actors::backup_report{"/a", actors::backup_state::failed, "why"});
  auto unknown = good;
  unknown[3] = 5; // the state
  for (const auto& bytes : {std::string{}, good.substr(0, good.size() - 1), good + "x", unknown,
                            std::string(30, '\xff')})
    EXPECT_TRUE(std::holds_alternative<wire::decode_error>(decode_backup_report(bytes)));
}

TEST_F(BackupCommand, ReasonsOfAnyLengthFitIntoAnAnswer) {
  const auto decoded =
      decode_backup_report(encode({"/a", actors::backup_state::failed, std::string(1 << 20, 'x')}));

  ASSERT_TRUE(std::holds_alternative<actors::backup_report>(decoded));
  EXPECT_EQ(std::get<actors::backup_report>(decoded).why, std::string(8 << 10, 'x'));
}

TEST_F(BackupCommand, NeedsAFolder) {
  const std::string wanted =
      "starlingd: backup needs a folder that is to be made, as in: starlingd backup DIR; its path "
      "has 1024 bytes at most\n";
  EXPECT_EQ(failing({}, ""), wanted);
  EXPECT_EQ(failing({}, "/" + std::string(actors::backup_path_bytes_max, 'x')), wanted);
}

TEST_F(BackupCommand, FailsWithAReasonWhereNoNodeIs) {
  config::options o;
  o.cluster.listen = "127.0.0.1:1";

  EXPECT_EQ(failing(o, "/a"), "starlingd: there is no answer from the node at 127.0.0.1:1: cannot "
                              "connect: Connection refused\n");
}

} // namespace
} // namespace starling::node
