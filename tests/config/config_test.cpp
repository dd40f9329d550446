#include "config/config.hpp"
#include "tests/documents.hpp"

#include <caf/init_global_meta_objects.hpp>
#include <caf/settings.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <regex>
#include <set>
#include <sstream>

namespace starling::config {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A file that is gone after the test.
class temporary_file {
public:
  explicit temporary_file(const std::string& content) {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("starling_config_test." + std::to_string(getpid()) + "." + std::to_string(++count));
    std::ofstream{path_, std::ios::binary} << content;
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() { std::filesystem::remove(path_); }

  std::string path() const { return path_.string(); }

private:
  std::filesystem::path path_;
};

std::variant<options, exit_request> parsed(const std::vector<std::string>& arguments,
                                           node_config* config = nullptr,
                                           const environment& variables = {}) {
  static const bool once = [] {
    caf::core::init_global_meta_objects();
    return true;
  }();
  EXPECT_TRUE(once);
  node_config own;
  return parse(take_apart(arguments), variables, config != nullptr ? *config : own);
}

options accepted(const std::vector<std::string>& arguments) {
  auto result = parsed(arguments);
  if (const auto* exit = std::get_if<exit_request>(&result)) {
    ADD_FAILURE() << exit->text;
    return {};
  }
  return std::get<options>(result);
}

std::string refused(const std::vector<std::string>& arguments) {
  auto result = parsed(arguments);
  const auto* exit = std::get_if<exit_request>(&result);
  EXPECT_NE(exit, nullptr) << "it was accepted";
  EXPECT_TRUE(exit == nullptr || exit->code == 1);
  return exit == nullptr ? "" : exit->text;
}

options accepted_file(const std::string& content, std::vector<std::string> arguments = {}) {
  const temporary_file file{content};
  arguments.insert(arguments.begin(), "--config-file=" + file.path());
  return accepted(arguments);
}

std::string refused_file(const std::string& content, std::vector<std::string> arguments = {}) {
  const temporary_file file{content};
  arguments.insert(arguments.begin(), "--config-file=" + file.path());
  return refused(arguments);
}

std::string text_of(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream{path}.rdbuf();
  return content.str();
}

} // namespace

TEST(Config, DefaultsAreThoseOfTheStructs) {
  const auto o = accepted({});
  const options defaults;

  EXPECT_EQ(o.http.listen, defaults.http.listen);
  EXPECT_EQ(o.http.threads, 64u);
  EXPECT_EQ(o.gossip.interval, 5s);
  EXPECT_EQ(o.swim.max_members, 256u);
  EXPECT_EQ(o.swim.probe_interval, defaults.swim.probe_interval);
  EXPECT_THAT(o.cluster.seeds, IsEmpty());
}

TEST(Config, DefaultsAreAccepted) {
  // Given as flags, each default keeps the rule of its own option.
  const auto help = options_help();
  const std::regex flag{R"re(--([a-z]+\.[a-z-]+)=("?)([^\n"]*)\2\n)re"};
  std::vector<std::string> arguments;
  for (std::sregex_iterator i{help.begin(), help.end(), flag}, end; i != end; ++i)
    arguments.push_back("--" + (*i)[1].str() + "=" + (*i)[3].str());

  EXPECT_GT(arguments.size(), 20u);
  accepted(arguments);
}

TEST(Config, FlagsSetEachTypeOfOption) {
  const auto o = accepted({"--node.name=first", "--gossip.interval=200ms", "--http.threads=8",
                           R"(--cluster.seeds=["a:1", "[::1]:2"])", "--cluster.insecure",
                           "--swim.sync-interval=1min", "--swim.confirmations=2"});

  EXPECT_EQ(o.node.name, "first");
  EXPECT_EQ(o.gossip.interval, 200ms);
  EXPECT_EQ(o.http.threads, 8u);
  EXPECT_THAT(o.cluster.seeds, ElementsAre("a:1", "[::1]:2"));
  EXPECT_TRUE(o.cluster.insecure);
  EXPECT_EQ(o.swim.sync_interval, 60s);
  EXPECT_EQ(o.swim.confirmations, 2u);
}

TEST(Config, FlagsTakeTheirValuesInEveryForm) {
  const auto o = accepted({"--node.name", "first", "--cluster.seeds=a:1,b:2", "--in-memory=true",
                           "--cluster.insecure", "false", "--cluster.key=", "--http.threads", "9",
                           "--http.threads=8"});
  EXPECT_EQ(o.node.name, "first");
  EXPECT_THAT(o.cluster.seeds, ElementsAre("a:1", "b:2"));
  EXPECT_TRUE(o.storage.in_memory);
  EXPECT_FALSE(o.cluster.insecure);
  EXPECT_EQ(o.cluster.key, "");
  EXPECT_EQ(o.http.threads, 8u) << "the last one counts";
}

TEST(Config, FlagsOverrideTheEnvironmentAndThatTheFile) {
  const temporary_file file{"http { threads = 1 }\nkeys { shards = 1 }\ngossip { fanout = 1 }\n"
                            "cluster { insecure = true }"};
  const environment variables{{"STARLING_CONFIG_FILE", file.path()},
                              {"STARLING_HTTP_THREADS", "2"},
                              {"STARLING_KEYS_SHARDS", "2"},
                              {"STARLING_CLUSTER_INSECURE", "false"},
                              {"STARLING_CLUSTER_SEEDS", "a:1,b:2"},
                              {"STARLING_NODE_NAME", ""},
                              {"STARLING_UNKNOWN", "x"}};
  const auto result = parsed({"--http.threads=3"}, nullptr, variables);
  ASSERT_TRUE(std::holds_alternative<options>(result)) << std::get<exit_request>(result).text;
  const auto& o = std::get<options>(result);
  EXPECT_EQ(o.http.threads, 3u);
  EXPECT_EQ(o.keys.shards, 2u);
  EXPECT_EQ(o.gossip.fanout, 1u);
  EXPECT_FALSE(o.cluster.insecure);
  EXPECT_THAT(o.cluster.seeds, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(o.node.name, "127.0.0.1:9080");
}

TEST(Config, TheFileOfAFlagTakesThePlaceOfThatOfTheEnvironment) {
  const temporary_file file{"http { threads = 7 }"};
  const auto result =
      parsed({"--config-file", file.path()}, nullptr, {{"STARLING_CONFIG_FILE", "/nonexistent"}});
  ASSERT_TRUE(std::holds_alternative<options>(result)) << std::get<exit_request>(result).text;
  EXPECT_EQ(std::get<options>(result).http.threads, 7u);
}

TEST(Config, BadValuesInTheEnvironmentAreRefusedEvenIfAFlagOverridesThem) {
  const auto result =
      parsed({"--gossip.interval=1s"}, nullptr, {{"STARLING_GOSSIP_INTERVAL", "5"}});
  ASSERT_TRUE(std::holds_alternative<exit_request>(result));
  EXPECT_EQ(std::get<exit_request>(result).text,
            "starlingd: in the environment: gossip.interval must be 10ms to 1h, with its unit: ms, "
            "s, min or h\n");
}

TEST(Config, FlagsOfCafsOwnAreTaken) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--caf.scheduler.max-threads=3"},
        {"--caf.scheduler.max-threads", "3"}}) {
    node_config config;
    parsed(arguments, &config);
    EXPECT_EQ(get_or(config, "caf.scheduler.max-threads", std::size_t{0}), 3u);
  }
  EXPECT_THAT(refused({"--caf.scheduler.threads=3"}), HasSubstr("caf.scheduler.threads"));
}

TEST(Config, FileSetsOptionsAndFlagsOverrideIt) {
  const std::string content = R"(
    # Three nodes on one machine.
    node { name = "node-0" }
    gossip {
      interval = 1s
      max-log = 1048576 # bytes
    }
    cluster {
      seeds = ["127.0.0.1:9080", "127.0.0.1:9081"],
      insecure = true
    }
    caf { scheduler { max-threads = 3 } }
  )";
  const auto from_file = accepted_file(content);
  EXPECT_EQ(from_file.node.name, "node-0");
  EXPECT_EQ(from_file.gossip.interval, 1s);
  EXPECT_EQ(from_file.gossip.max_log, 1048576u);
  EXPECT_THAT(from_file.cluster.seeds, ElementsAre("127.0.0.1:9080", "127.0.0.1:9081"));
  EXPECT_TRUE(from_file.cluster.insecure);

  const auto overridden = accepted_file(content, {"--gossip.interval=200ms"});
  EXPECT_EQ(overridden.gossip.interval, 200ms);
  EXPECT_EQ(overridden.node.name, "node-0");
}

TEST(Config, FileTakesListsInEitherForm) {
  for (const std::string list : {R"(["a:1", "b:2"])", R"("a:1,b:2")", R"("a:1, b:2")"})
    EXPECT_THAT(accepted_file("cluster { seeds = " + list + " }").cluster.seeds,
                ElementsAre("a:1", "b:2"))
        << list;
  EXPECT_THAT(accepted_file(R"(cluster { seeds = "" })").cluster.seeds, IsEmpty());
  EXPECT_THAT(refused_file(R"(cluster { seeds = "a:1," })"), HasSubstr("cluster.seeds must be a"));
}

TEST(Config, EmptyFileIsAccepted) {
  EXPECT_EQ(accepted_file("").http.threads, 64u);
  EXPECT_EQ(accepted_file("\n# nothing\n").http.threads, 64u);
  EXPECT_EQ(accepted_file("# nothing").http.threads, 64u);
  EXPECT_EQ(accepted_file("http { }").http.threads, 64u);
}

TEST(Config, SchedulerSharesByDefaultAndListensToTheFile) {
  node_config by_default;
  parsed({}, &by_default);
  EXPECT_EQ(get_or(by_default, "caf.scheduler.policy", ""), "sharing");
  EXPECT_EQ(get_or(by_default, "caf.scheduler.max-throughput", std::size_t{0}), 300u);
  EXPECT_GE(get_or(by_default, "caf.scheduler.max-threads", std::size_t{0}), 1u);

  const temporary_file file{"caf { scheduler { max-threads = 3 } }"};
  node_config from_file;
  parsed({"--config-file=" + file.path()}, &from_file);
  EXPECT_EQ(get_or(from_file, "caf.scheduler.max-threads", std::size_t{0}), 3u);
  EXPECT_EQ(get_or(from_file, "caf.scheduler.policy", ""), "sharing");
}

TEST(Config, DependentOptionsAreFilledIn) {
  const auto o = accepted({"--http.listen=0.0.0.0:8080", "--cluster.listen=[::]:9080",
                           "--cluster.advertise=node-0:9080", "--cluster.insecure"});

  EXPECT_EQ(o.cluster.advertise, "node-0:9080");
  EXPECT_EQ(o.node.name, "node-0:9080");
  EXPECT_EQ(o.http.advertise, "node-0:8080");

  const auto local = accepted({});
  EXPECT_EQ(local.cluster.advertise, "127.0.0.1:9080");
  EXPECT_EQ(local.http.advertise, "127.0.0.1:8080");
}

TEST(Config, UnknownFlagsAreRefusedByName) {
  EXPECT_THAT(refused({"--gossip.intervall=1s"}), HasSubstr("--gossip.intervall is unknown"));
  EXPECT_THAT(refused({"--verbose"}), HasSubstr("--verbose is unknown"));
  EXPECT_THAT(refused({"-v"}), HasSubstr("-v is unknown"));
  EXPECT_THAT(refused({"--dump-config"}), HasSubstr("--dump-config is unknown"));
  EXPECT_THAT(refused({"file.conf"}), HasSubstr("file.conf is not an option"));
  EXPECT_THAT(refused({"--http.threads=3", "file.conf"}), HasSubstr("file.conf"));
  EXPECT_THAT(refused({"--", "--gossip.intervall=1s"}),
              HasSubstr("--gossip.intervall=1s is not an option"));
}

TEST(Config, BadFlagValuesAreRefusedByName) {
  EXPECT_THAT(refused({"--http.threads=many"}), HasSubstr("http.threads"));
  EXPECT_THAT(refused({"--http.threads=-1"}), HasSubstr("http.threads"));
  EXPECT_THAT(refused({"--http.threads"}), HasSubstr("http.threads"));
  EXPECT_THAT(refused({"--gossip.interval=5"}),
              HasSubstr("gossip.interval must be 10ms to 1h, with its unit: ms, s, min or h"));
  EXPECT_THAT(refused({"--cluster.seeds=a"}), HasSubstr("cluster.seeds must be a list"));
  EXPECT_THAT(refused({"--in-memory=yes"}), HasSubstr("in-memory must be true or false"));
  EXPECT_THAT(refused({"--in-memory="}), HasSubstr("in-memory must be true or false"));
}

TEST(Config, OutOfRangeValuesAreRefusedWithTheirRange) {
  EXPECT_THAT(refused({"--http.threads=0"}), HasSubstr("http.threads must be 1 to 4096 threads"));
  EXPECT_THAT(refused({"--gossip.interval=0s"}), HasSubstr("gossip.interval must be 10ms to 1h"));
  EXPECT_THAT(refused({"--gossip.interval=-1s"}), HasSubstr("gossip.interval"));
  EXPECT_THAT(refused({"--gossip.interval=9999999999999h"}), HasSubstr("gossip.interval"));
  EXPECT_THAT(refused({"--http.listen=8080"}), HasSubstr("http.listen must be host:port"));
  EXPECT_THAT(refused({"--http.listen=a:70000"}), HasSubstr("http.listen must be host:port"));
  EXPECT_THAT(refused({"--cluster.advertise=0.0.0.0:1"}), HasSubstr("cluster.advertise"));
  EXPECT_THAT(refused({R"(--cluster.seeds=["a:1","b"])"}), HasSubstr("\"b\" is no host:port"));
  EXPECT_THAT(refused({"--cluster.name="}), HasSubstr("cluster.name"));
  EXPECT_THAT(refused({"--swim.packet-bytes=1500"}),
              HasSubstr("swim.packet-bytes must be 1200 to 1400 bytes"));
  EXPECT_THAT(refused({"--swim.suspicion-multiplier=0"}), HasSubstr("must be 1 to 100 times"));
  EXPECT_THAT(refused({"--swim.health-max=4294967296"}), HasSubstr("swim.health-max"));
  EXPECT_THAT(refused({"--log.level=loud"}), HasSubstr("log.level must be debug, info, warn"));
  EXPECT_THAT(refused({"--node.name=" + std::string(65, 'n')}), HasSubstr("node.name"));
}

TEST(Config, OptionsThatDoNotFitTogetherAreRefused) {
  EXPECT_THAT(refused({"--swim.seed-backoff-min=2s", "--swim.seed-backoff-max=1s"}),
              HasSubstr("swim: the least wait for a seed is above the greatest"));
  EXPECT_THAT(refused({"--swim.probe-interval=500ms"}), HasSubstr("helpers cannot answer in time"));
  accepted({"--swim.probe-interval=500ms", "--swim.probe-timeout-first=200ms",
            "--swim.probe-timeout-min=200ms", "--swim.probe-timeout-max=200ms"});
  EXPECT_THAT(refused({"--http.listen=127.0.0.1:9080"}), HasSubstr("must differ"));
  EXPECT_THAT(refused({"--cluster.listen=0.0.0.0:9080", "--cluster.insecure"}),
              HasSubstr("cluster.advertise is needed"));
  EXPECT_THAT(refused({"--gossip.max-log=4096"}), HasSubstr("gossip.max-message"));
  EXPECT_THAT(refused({"--gossip.max-value=1048576"}), HasSubstr("http.max-body"));
}

TEST(Config, OptionsOfTheDiskHaveShortNames) {
  const auto o =
      accepted({"--data-dir=/x/y", "--durability=batch", "--new-identity", "--accept-loss"});
  EXPECT_EQ(o.storage.data_dir, "/x/y");
  EXPECT_EQ(o.storage.durability, "batch");
  EXPECT_TRUE(o.storage.new_identity);
  EXPECT_TRUE(o.storage.accept_loss);
  EXPECT_FALSE(o.storage.in_memory);
  EXPECT_TRUE(accepted({"--in-memory"}).storage.in_memory);
}

TEST(Config, TheIdOfANodeIsKeptWithItsDataUnlessThereIsNone) {
  EXPECT_EQ(accepted({"--data-dir=/x/y"}).node.identity_file, "/x/y/identity");
  EXPECT_EQ(accepted({"--in-memory"}).node.identity_file, "");
  EXPECT_EQ(accepted({"--data-dir=/x/y", "--node.identity-file=/z"}).node.identity_file, "/z");
}

TEST(Config, DataNeedsAFolderAndAKnownDurability) {
  const temporary_file none{"storage { data-dir = \"\" }"};
  EXPECT_THAT(refused({"--config-file=" + none.path()}), HasSubstr("storage.data-dir is needed"));
  accepted({"--config-file=" + none.path(), "--in-memory"});
  EXPECT_THAT(refused({"--durability=maybe"}), HasSubstr("sync, batch or none"));
}

TEST(Config, OpenClusterListenerNeedsAKeyOrConsent) {
  EXPECT_THAT(refused({"--cluster.listen=10.0.0.1:9080"}), HasSubstr("cluster.insecure"));
  accepted({"--cluster.listen=10.0.0.1:9080", "--cluster.insecure"});
  accepted({"--cluster.listen=10.0.0.1:9080", "--cluster.key=0123456789abcdef"});
  accepted({"--cluster.listen=[::1]:9080"});
}

TEST(Config, KeyComesFromTheFirstLineOfAFile) {
  const temporary_file key{"0123456789abcdef\r\nsecond line\n"};
  EXPECT_EQ(accepted({"--cluster.key-file=" + key.path()}).cluster.key, "0123456789abcdef");

  EXPECT_THAT(refused({"--cluster.key-file=" + key.path(), "--cluster.key=0123456789abcdef"}),
              HasSubstr("exclude each other"));
  EXPECT_THAT(refused({"--cluster.key-file=/nonexistent"}), HasSubstr("cluster.key-file"));
  const temporary_file empty{""};
  EXPECT_THAT(refused({"--cluster.key-file=" + empty.path()}), HasSubstr("cluster.key-file"));
  const temporary_file blank{"\n0123456789abcdef\n"};
  EXPECT_THAT(refused({"--cluster.key-file=" + blank.path()}), HasSubstr("at least 16 bytes"));
}

TEST(Config, ErrorsDoNotShowTheKey) {
  const auto text = refused({"--cluster.key=hunter2"});
  EXPECT_THAT(text, HasSubstr("cluster.key must be empty or at least 16 bytes"));
  EXPECT_THAT(text, testing::Not(HasSubstr("hunter2")));
}

TEST(Config, UnknownNamesInTheFileAreRefused) {
  EXPECT_THAT(refused_file("gossip { intervall = 1s }"), HasSubstr("gossip.intervall is unknown"));
  EXPECT_THAT(refused_file("gosip { interval = 1s }"), HasSubstr("gosip is unknown"));
  EXPECT_THAT(refused_file("gosip { }"), HasSubstr("gosip is unknown"));
  EXPECT_THAT(refused_file("interval = 1s"), HasSubstr("interval is unknown"));
  EXPECT_THAT(refused_file("gossip = 1"), HasSubstr("gossip is unknown"));
  EXPECT_THAT(refused_file("gossip { round { interval = 1s } }"),
              HasSubstr("gossip.round is unknown"));
  EXPECT_THAT(refused_file("caf { scheduler { threads = 2 } }"),
              HasSubstr("caf.scheduler.threads is unknown"));
  EXPECT_THAT(refused_file("help = true"), HasSubstr("help is unknown"));
}

TEST(Config, BadValuesInTheFileAreRefusedEvenIfAFlagOverridesThem) {
  EXPECT_THAT(refused_file("gossip { interval = 5 }"), HasSubstr("gossip.interval must be"));
  EXPECT_THAT(refused_file("gossip { interval = 5 }", {"--gossip.interval=5s"}),
              HasSubstr("gossip.interval must be"));
  EXPECT_THAT(refused_file("http { threads = 0 }"), HasSubstr("http.threads must be 1 to"));
  EXPECT_THAT(refused_file("http { threads = \"x\" }"), HasSubstr("http.threads must be"));
  EXPECT_THAT(refused_file("http { listen { a = 1 } }"), HasSubstr("http.listen must be"));
  EXPECT_THAT(refused_file("node { name = [\"a\"] }"), HasSubstr("node.name must be"));
  EXPECT_THAT(refused_file("cluster { insecure = 3 }"), HasSubstr("cluster.insecure must be"));
  EXPECT_THAT(refused_file("caf { scheduler { max-threads = \"x\" } }"),
              HasSubstr("caf.scheduler.max-threads has a bad value"));
}

TEST(Config, ValuesBeyondEveryClockInTheFileAreRefusedWithTheirText) {
  for (const std::string text : {"999999999999999999999s", "10000000000s", "9999999999999h"}) {
    EXPECT_THAT(refused_file("gossip {\r\n  fanout = 2 # few\n interval = " + text + "\n}"),
                HasSubstr("gossip.interval must be 10ms to 1h, not " + text));
    EXPECT_THAT(refused_file("gossip { interval = \"" + text + "\" }"),
                HasSubstr("gossip.interval must be 10ms to 1h, not " + text));
    EXPECT_THAT(refused({"--gossip.interval=" + text}),
                HasSubstr("gossip.interval must be 10ms to 1h, not " + text));
  }
  for (const std::string text : {"99999999999999999999999", "9223372036854775808"})
    EXPECT_THAT(refused_file("http { threads = " + text + " }"),
                HasSubstr("http.threads must be 1 to 4096 threads, not " + text));
  EXPECT_EQ(accepted_file("node { name = \"999999999999999999999s\" }").node.name,
            "999999999999999999999s");
}

TEST(Config, FileMayHaveTheLineEndsOfAnotherSystem) {
  const auto o = accepted_file("# a comment\r\nhttp {\r\n  threads = 3\r\n}\r\ncluster {\r\n"
                               "  seeds = [\r\n    \"a:1\",\r\n    \"b:2\"\r\n  ]\r\n}\r\n");
  EXPECT_EQ(o.http.threads, 3U);
  EXPECT_EQ(o.cluster.seeds, (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_THAT(refused_file("http { threads = 3 }\r\nhttp {\r\n threads = ?\r\n}\r\n"),
              HasSubstr("in line 3"));
}

TEST(Config, AllThatIsWrongInAFileIsListed) {
  const auto text = refused_file("http { threads = 0, thread = 1 }\ngossip { interval = 1 }");
  EXPECT_THAT(text, HasSubstr("http.threads"));
  EXPECT_THAT(text, HasSubstr("http.thread is unknown"));
  EXPECT_THAT(text, HasSubstr("gossip.interval"));
}

TEST(Config, DottedNamesInTheFileAreRefused) {
  EXPECT_THAT(refused_file("http.listen = \"a:1\""),
              HasSubstr("http.listen must be written as a group: http { listen ... }"));
  EXPECT_THAT(refused_file("caf.scheduler { max-threads = 2 }"), HasSubstr("caf.scheduler"));
  EXPECT_THAT(refused_file("caf.scheduler.max-threads=2"), HasSubstr("caf.scheduler.max-threads"));
  EXPECT_THAT(refused_file("caf { scheduler.max-threads = 2 }"),
              HasSubstr("scheduler.max-threads"));
  EXPECT_THAT(refused_file("http { threads = 3, }\n  gossip.interval : 1s"),
              HasSubstr("gossip.interval"));
}

TEST(Config, DotsInValuesAndCommentsAreNoNames) {
  const auto o = accepted_file("# http.listen = x\n"
                               "node { name = \"a.b = \\\" c.d {\" # e.f: g\n }\n"
                               "gossip { interval = 1500ms }\n");
  EXPECT_EQ(o.gossip.interval, 1500ms);
}

TEST(Config, BrokenFilesAreRefusedWithThePlace) {
  EXPECT_THAT(refused_file("http { threads = }"), HasSubstr("unexpected character in line 1"));
  EXPECT_THAT(refused_file("# x\nhttp ! "), HasSubstr("in line 2"));
  EXPECT_THAT(refused_file("\nhttp ! "), HasSubstr("in line 2"));
  EXPECT_THAT(refused_file("gossip = { interval = 1s }"), HasSubstr("a group is written as"));
  EXPECT_THAT(refused_file("http { threads = 3"), HasSubstr("ends too early"));
  EXPECT_THAT(refused_file("http { threads = 3 } gossip"), HasSubstr("in line"));
  for (const std::string content : {"{", "}", "{ http { } ", "x", "node { name = \"a }", "\xff"}) {
    SCOPED_TRACE(content);
    refused_file(content);
  }
  refused_file(std::string(1, '\0'));
}

TEST(Config, FileThatCannotBeReadIsRefused) {
  EXPECT_THAT(refused({"--config-file=/nonexistent.conf"}),
              HasSubstr("cannot read /nonexistent.conf"));
  EXPECT_THAT(refused({"--config-file=/"}), HasSubstr("cannot read /"));
  EXPECT_THAT(refused({"--config-file"}), HasSubstr("--config-file needs a value"));
  EXPECT_THAT(refused({"--config-file="}), HasSubstr("--config-file needs a value"));
  EXPECT_THAT(refused({"--config-file=a", "--config-file=b"}), HasSubstr("twice"));
}

TEST(Config, NoFileIsReadByItself) {
  const auto before = std::filesystem::current_path();
  const auto folder = std::filesystem::temp_directory_path() /
                      ("starling_config_test_folder." + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  std::filesystem::current_path(folder);
  std::ofstream{"caf-application.conf"} << "http { threads = 7 }";

  EXPECT_EQ(accepted({}).http.threads, 64u);

  std::filesystem::current_path(before);
  std::filesystem::remove_all(folder);
}

TEST(Config, HelpListsEveryOptionWithDefaultAndUnit) {
  const auto result = parsed({"--gossip.interval=nonsense", "--help"});
  const auto* exit = std::get_if<exit_request>(&result);

  ASSERT_NE(exit, nullptr);
  EXPECT_EQ(exit->code, 0);
  EXPECT_EQ(exit->text, options_help());
  EXPECT_THAT(exit->text, HasSubstr("  --gossip.interval=5s\n"));
  EXPECT_THAT(exit->text, HasSubstr("1024 to 67108864 bytes (default 1048576)"));
  for (std::size_t begin = 0, end = 0; begin < exit->text.size(); begin = end + 1) {
    end = exit->text.find('\n', begin);
    EXPECT_LE(end - begin, 200u) << exit->text.substr(begin, end - begin);
  }
}

TEST(Config, VersionIsThatOfTheProject) {
  const auto result = parsed({"--version"});

  ASSERT_TRUE(std::holds_alternative<exit_request>(result));
  EXPECT_EQ(std::get<exit_request>(result).code, 0);
  EXPECT_EQ(std::get<exit_request>(result).text, "starlingd " + std::string{version} + "\n");
  EXPECT_THAT(text_of(STARLING_SOURCE_DIR "/CMakeLists.txt"),
              HasSubstr("project(starling VERSION " + std::string{version} + " "));
}

TEST(Config, TablesNameEveryOptionThatHelpNamesOnce) {
  const auto help = options_help();
  const auto tables = options_markdown();
  const std::regex row{R"(\n\| `([a-z]+\.[a-z-]+)` \|)"};
  std::set<std::string> shown;
  for (std::sregex_iterator i{tables.begin(), tables.end(), row}, end; i != end; ++i) {
    EXPECT_TRUE(shown.insert((*i)[1]).second) << (*i)[1];
    EXPECT_THAT(help, HasSubstr("  --" + (*i)[1].str()));
  }
  const std::regex flag{R"(\n  --[a-z]+\.)"};
  EXPECT_EQ(shown.size(), std::distance(std::sregex_iterator{help.begin(), help.end(), flag}, {}));
}

TEST(Config, TablesBeginWithWhatIsUsedEveryDayAndEndWithSwim) {
  const auto tables = options_markdown();

  EXPECT_LT(tables.find("`http.listen`"), tables.find("`node.identity-file`"));
  EXPECT_LT(tables.find("`keys.rest-after`"), tables.find("`swim.probe-interval`"));
}

TEST(Documents, ShowTheTablesOfOptions) {
  EXPECT_TRUE(document_shows("docs/configuration.md", "options", options_markdown()));
}

} // namespace starling::config
