// What starlingd says of its command line and its files before it serves anybody.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"

#include <algorithm>
#include <fstream>
#include <regex>

namespace starling::e2e {
namespace {

outcome run_starlingd(std::vector<std::string> flags) {
  flags.insert(flags.begin(), STARLINGD_PATH);
  flags.emplace_back("--in-memory"); // one that gets as far as its data leaves none behind
  return run(flags);
}

/// A configuration file for as long as the object lives.
class config_file {
public:
  explicit config_file(const std::string& content)
      : path_(testing::TempDir() + "starling_config_" + std::to_string(getpid())) {
    std::ofstream{path_} << content;
  }

  config_file(const config_file&) = delete;
  config_file& operator=(const config_file&) = delete;
  ~config_file() { std::remove(path_.c_str()); }

  std::string flag() const { return "--config-file=" + path_; }

private:
  std::string path_;
};

/// The node does not start, and says why in words that contain the given ones.
void expect_refused(const std::vector<std::string>& flags, const std::string& words) {
  const reserved_port clients;
  const reserved_port peers;
  auto all = flags; // each may be given once
  for (const auto& [flag, port] :
       {std::pair{"--http.listen=", &clients}, {"--cluster.listen=", &peers}})
    if (std::ranges::none_of(flags, [&](const auto& f) { return f.starts_with(flag); }))
      all.push_back(flag + port->address());
  const auto ended = run_starlingd(all);
  EXPECT_TRUE(ended.status.has_value()) << "it starts and serves";
  EXPECT_NE(ended.status.value_or(0), 0) << ended.output;
  EXPECT_LT(ended.status.value_or(0), 128) << "it crashed: " << ended.output;
  EXPECT_NE(ended.output.find(words), std::string::npos)
      << "it does not say \"" << words << "\" but: " << ended.output;
}

void expect_file_refused(const std::string& content, const std::string& words) {
  SCOPED_TRACE(content);
  const config_file file{content};
  expect_refused({file.flag()}, words);
}

std::vector<std::string> options_in_the_document() {
  std::ifstream document{STARLING_SOURCE_DIR "/docs/configuration.md"};
  const std::regex row{R"(\| `([a-z]+\.[a-z-]+)` \|.*)"};
  std::vector<std::string> result;
  std::smatch found;
  for (std::string line; std::getline(document, line);)
    if (std::regex_match(line, found, row))
      result.push_back(found[1]);
  return result;
}

TEST(Config, HelpListsEachOptionWithDefaultAndUnit) {
  const auto help = run_starlingd({"--help"});

  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.output.find("--config-file=FILE"), std::string::npos) << help.output;
  const std::pair<std::string, std::string> options[] = {
      {"node.name", "ASCII"},
      {"node.identity-file", "path"},
      {"http.listen", "host:port (default \"127.0.0.1:8080\")"},
      {"http.advertise", "host:port"},
      {"http.threads", "threads (default 64)"},
      {"http.max-body", "bytes (default 1048576)"},
      {"http.request-timeout", "(default 5s)"},
      {"http.max-connections", "connections (default 4096)"},
      {"http.transfer-timeout", "100ms to 10min (default 10s)"},
      {"http.idle-timeout", "(default 1min)"},
      {"cluster.name", "(default \"starling\")"},
      {"cluster.key", "16 bytes"},
      {"cluster.key-file", "path"},
      {"cluster.listen", "host:port (default \"127.0.0.1:9080\")"},
      {"cluster.advertise", "host:port"},
      {"cluster.seeds", "list of host:port"},
      {"cluster.insecure", "(default false)"},
      {"cluster.peer-clients", "threads (default 4)"},
      {"cluster.peer-timeout", "(default 5s)"},
      {"cluster.threads", "threads (default 8)"},
      {"cluster.max-connections", "connections (default 1024)"},
      {"swim.probe-interval", "100ms to 1min (default 1s)"},
      {"swim.packet-bytes", "bytes (default 1232)"},
      {"gossip.interval", "10ms to 1h (default 5s)"},
      {"gossip.prompt-delay", "0s to 1h (default 10ms)"},
      {"gossip.max-message", "bytes (default 262144)"},
      {"gossip.max-log", "bytes (default 67108864)"},
      {"gossip.max-value", "bytes (default 67108864)"},
      {"gossip.leave-timeout", "(default 30s)"},
      {"keys.shards", "actors (default 4)"},
      {"log.level", "(default \"info\")"},
  };
  std::size_t count = 0;
  for (auto at = help.output.find("\n  --"); at != std::string::npos;
       at = help.output.find("\n  --", at + 1))
    ++count;
  EXPECT_EQ(count, options_in_the_document().size() + 2) << "beside --help and --config-file";
  for (const auto& name : options_in_the_document())
    EXPECT_NE(help.output.find("\n  --" + name), std::string::npos) << name;
  for (const auto& [name, description] : options) {
    auto at = help.output.find("\n  --" + name + "=");
    if (at == std::string::npos)
      at = help.output.find("\n  --" + name + "\n");
    ASSERT_NE(at, std::string::npos) << name << " is missing in:\n" << help.output;
    const auto paragraph = help.output.substr(at, help.output.find("\n  --", at + 1) - at);
    EXPECT_NE(paragraph.find(description), std::string::npos) << paragraph;
  }
}

TEST(Config, UnknownFlagsAreNamed) {
  expect_refused({"--gossip.intervall=1s"}, "gossip.intervall");
  expect_refused({"--verbose"}, "verbose");
  expect_refused({"serve"}, "serve");
}

TEST(Config, BadFlagsAreNamed) {
  expect_refused({"--gossip.interval=soon"}, "gossip.interval");
  expect_refused({"--gossip.interval=0s"}, "gossip.interval");
  expect_refused({"--gossip.interval=-1s"}, "gossip.interval");
  expect_refused({"--http.threads=many"}, "http.threads");
  expect_refused({"--http.listen=nowhere"}, "http.listen");
  expect_refused({"--http.listen=127.0.0.1:99999"}, "http.listen");
  expect_refused({"--cluster.seeds=[\"nowhere\"]"}, "cluster.seeds");
  expect_refused({"--cluster.key=short"}, "cluster.key");
  expect_refused({"--cluster.key-file=/nonexistent"}, "cluster.key-file");
  expect_refused({"--log.level=loud"}, "log.level");
}

TEST(Config, MistakesInAFileAreNamed) {
  expect_file_refused("gossip { intervall = 1s }", "gossip.intervall");
  expect_file_refused("gosip { interval = 1s }", "gosip");
  expect_file_refused("interval = 1s", "interval");
  expect_file_refused(R"(gossip { interval = "soon" })", "gossip.interval");
  expect_file_refused("gossip { interval = 1h\nmax-log = 1 }", "gossip.max-log");
  expect_file_refused("gossip.interval = 1s", "gossip.interval");
  expect_file_refused("http { threads = \"eight\" }", "http.threads");
  expect_file_refused("gossip { interval = soon }", "line 1");
  expect_file_refused("http {", "bracket");
}

TEST(Config, MissingFileIsNamed) {
  expect_refused({"--config-file=/nonexistent/node.conf"}, "/nonexistent/node.conf");
}

TEST(Config, PeersBeyondThisMachineNeedAKeyOrLeave) {
  const reserved_port open;
  expect_refused({"--cluster.listen=0.0.0.0:" + std::to_string(open.number()),
                  "--cluster.advertise=" + open.address()},
                 "cluster.key");

  cluster insecure{1, {"--cluster.insecure"}};
  const auto port = std::to_string(insecure[0].peer_port().number());
  insecure[0].set_flag("--cluster.listen=0.0.0.0:" + port);
  insecure[0].set_flag("--cluster.advertise=127.0.0.1:" + port);
  EXPECT_TRUE(insecure.start());

  cluster keyed{1, {"--cluster.key=the key of this cluster"}};
  const auto other = std::to_string(keyed[0].peer_port().number());
  keyed[0].set_flag("--cluster.listen=0.0.0.0:" + other);
  keyed[0].set_flag("--cluster.advertise=127.0.0.1:" + other);
  EXPECT_TRUE(keyed.start());
}

TEST(Config, PortInUseIsAClearError) {
  cluster nodes{1};
  ASSERT_TRUE(nodes.start());

  for (const auto& [flag, port] : {std::pair{"--http.listen=", &nodes[0].http_port()},
                                   {"--cluster.listen=", &nodes[0].peer_port()}})
    expect_refused({flag + port->address()},
                   "port " + std::to_string(port->number()) + ": Address already in use");
  EXPECT_EQ(nodes[0].http().get("/readyz").status, 200);
}

TEST(Config, IdentityFileThatIsNoneIsAClearError) {
  const config_file file{"gossip { }"}; // any file will do
  const auto path = file.flag().substr(file.flag().find('=') + 1);
  expect_refused({"--node.identity-file=" + path}, path + " is no identity file");
  expect_refused({"--node.identity-file=/nonexistent/identity"},
                 "cannot write /nonexistent/identity");
}

TEST(Config, FlagsWinOverTheFile) {
  const config_file file{"node { name = \"from the file\" }\nhttp { max-body = 2000 }"};
  cluster nodes{1, {file.flag(), "--http.max-body=3000"}};
  nodes[0].set_flag("--node.name=from the flag");
  ASSERT_TRUE(nodes.start());

  EXPECT_EQ(nodes[0].http().get("/cluster").json().at("self").at("name"), "from the flag");
  const auto put = [&](std::size_t size) {
    return nodes[0].http().put("/registers/a", "{\"value\": \"" + std::string(size, 'x') + "\"}");
  };
  EXPECT_EQ(put(2500).status, 200);
  EXPECT_EQ(put(3000).status, 413);
}

TEST(Config, TheEnvironmentWinsOverTheFileAndFlagsOverIt) {
  const config_file file{"http { max-body = 2000, advertise = \"file:1\" }"};
  ::setenv("STARLING_HTTP_ADVERTISE", "environment:1", 1);
  ::setenv("STARLING_HTTP_MAX_BODY", "3000", 1);
  ::setenv("STARLING_HTTP_MAX_BODIES", "1", 1);
  cluster nodes{1, {file.flag(), "--http.max-body", "4000"}};
  const auto started = nodes.start();
  for (const auto* name :
       {"STARLING_HTTP_ADVERTISE", "STARLING_HTTP_MAX_BODY", "STARLING_HTTP_MAX_BODIES"})
    ::unsetenv(name);
  ASSERT_TRUE(started);

  EXPECT_EQ(nodes[0].http().get("/cluster").json().at("self").at("http"), "environment:1");
  EXPECT_EQ(
      nodes[0].http().put("/registers/a", "{\"value\": \"" + std::string(3500, 'x') + "\"}").status,
      200);
  EXPECT_NE(nodes[0].output().find("STARLING_HTTP_MAX_BODIES is no option"), std::string::npos);
}

TEST(Config, ExampleFilesAreValid) {
  for (const std::string example : {"local/node-0", "local/node-1", "local/node-2",
                                    "cluster/node-0", "cluster/node-1", "cluster/node-2"}) {
    SCOPED_TRACE(example);
    const std::string path = STARLING_SOURCE_DIR "/compose/" + example + ".conf";
    ASSERT_TRUE(std::ifstream{path}) << "there is no " << path;
    // The cluster's are for containers: their names mean nothing here.
    cluster nodes{1, {"--config-file=" + path}};
    nodes[0].set_flag("--cluster.advertise=" + nodes[0].peer_port().address());
    nodes[0].set_flag("--http.advertise=" + nodes[0].http_port().address());
    ASSERT_TRUE(nodes.start());

    const auto interval = nodes[0].http().get("/cluster");
    EXPECT_EQ(interval.status, 200);
  }
}

} // namespace
} // namespace starling::e2e
