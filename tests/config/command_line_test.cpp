#include "config/command_line.hpp"

#include <gmock/gmock.h>

namespace starling::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using testing::Pair;

TEST(CommandLine, TakesValuesBehindAnEqualsSignOrASpace) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--gossip.interval=1s", "--node.name=a"},
        {"--gossip.interval", "1s", "--node.name", "a"},
        {"--gossip.interval=1s", "--node.name", "a"}}) {
    const auto line = take_apart(arguments);
    EXPECT_THAT(line.settings, ElementsAre(Pair("gossip.interval", "1s"), Pair("node.name", "a")));
    EXPECT_EQ(line.complaint, std::nullopt);
    EXPECT_THAT(line.words, IsEmpty());
  }
}

TEST(CommandLine, KeepsEachValueAsItIs) {
  for (const auto* value : {"", "a=b", "-1", "-", " a ", "\"a\"", "[\"a:1\", \"b:2\"]", "--x"}) {
    const auto line = take_apart({"--node.name=" + std::string{value}});
    EXPECT_THAT(line.settings, ElementsAre(Pair("node.name", value)));
  }
  for (const auto* value : {"", "a=b", "-1", "-", " a "})
    EXPECT_THAT(take_apart({"--node.name", value}).settings, ElementsAre(Pair("node.name", value)));
}

TEST(CommandLine, SwitchesOnWhatStandsAlone) {
  const auto value_of = [](std::vector<std::string> arguments) {
    const auto line = take_apart(arguments);
    EXPECT_EQ(line.complaint, std::nullopt);
    return line.settings.at(0).second;
  };
  EXPECT_EQ(value_of({"--in-memory"}), "true");
  EXPECT_EQ(value_of({"--in-memory=false"}), "false");
  EXPECT_EQ(value_of({"--in-memory", "false"}), "false");
  EXPECT_EQ(value_of({"--in-memory", "true"}), "true");
  EXPECT_EQ(value_of({"--in-memory", "--node.name=a"}), "true");
  EXPECT_EQ(value_of({"--in-memory="}), "") << "no value for it, as is said later";
}

TEST(CommandLine, LeavesAWordBehindASwitchAlone) {
  const auto line = take_apart({"--cluster.insecure", "/backups/monday"});
  EXPECT_THAT(line.settings, ElementsAre(Pair("cluster.insecure", "true")));
  EXPECT_THAT(line.words, ElementsAre("/backups/monday"));
}

TEST(CommandLine, FindsWordsBetweenFlags) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"/backups/monday", "--data-dir", "/x"},
        {"--data-dir", "/x", "/backups/monday"},
        {"--data-dir=/x", "/backups/monday"},
        {"--data-dir=/x", "--", "/backups/monday"}}) {
    const auto line = take_apart(arguments);
    EXPECT_THAT(line.words, ElementsAre("/backups/monday"));
    EXPECT_THAT(line.settings, ElementsAre(Pair("storage.data-dir", "/x")));
  }
}

TEST(CommandLine, KnowsShortNames) {
  EXPECT_THAT(take_apart({"--data-dir", "/x", "--durability=batch", "--in-memory", "--new-identity",
                          "--accept-loss"})
                  .settings,
              ElementsAre(Pair("storage.data-dir", "/x"), Pair("storage.durability", "batch"),
                          Pair("storage.in-memory", "true"), Pair("storage.new-identity", "true"),
                          Pair("storage.accept-loss", "true")));
}

TEST(CommandLine, FindsTheFile) {
  EXPECT_THAT(take_apart({"--config-file=a"}).config_file, Optional(std::string{"a"}));
  EXPECT_THAT(take_apart({"--config-file", "a"}).config_file, Optional(std::string{"a"}));
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--config-file"}, {"--config-file="}, {"--config-file", "--x"}})
    EXPECT_EQ(take_apart(arguments).complaint, "--config-file needs a value: --config-file=FILE");
  EXPECT_EQ(take_apart({"--config-file=a", "--config-file", "b"}).complaint,
            "--config-file is given twice");
}

TEST(CommandLine, SaysWhatAValueThatIsMissingMayBe) {
  EXPECT_EQ(take_apart({"--gossip.interval"}).complaint,
            "gossip.interval needs a value: 10ms to 1h");
  EXPECT_EQ(take_apart({"--http.threads", "--in-memory"}).complaint,
            "http.threads needs a value: 1 to 4096 threads");
}

TEST(CommandLine, NamesWhatIsUnknownWithoutItsValue) {
  EXPECT_EQ(take_apart({"--cluster.kye=hunter2"}).complaint,
            "--cluster.kye is unknown; --help lists the options");
  EXPECT_EQ(take_apart({"-v"}).complaint, "-v is unknown; --help lists the options");
  EXPECT_EQ(take_apart({"--dump-config"}).complaint,
            "--dump-config is unknown; --help lists the options");
}

TEST(CommandLine, PassesOnWhatIsCafs) {
  const auto line = take_apart({"--caf.scheduler.max-threads=2", "--caf.scheduler.policy",
                                "sharing", "--caf.flag", "--node.name=a"});
  EXPECT_THAT(line.for_caf, ElementsAre("--caf.scheduler.max-threads=2",
                                        "--caf.scheduler.policy=sharing", "--caf.flag"));
}

TEST(CommandLine, FindsHelpAndVersionAnywhere) {
  EXPECT_TRUE(take_apart({"--node.name=a", "--help"}).wants_help);
  EXPECT_TRUE(take_apart({"-h"}).wants_help);
  EXPECT_TRUE(take_apart({"--version"}).wants_version);
  EXPECT_FALSE(take_apart({"--node.name", "-h"}).wants_help) << "it is a value";
}

} // namespace
} // namespace starling::config
