#include "bench/server.hpp"

#include "bench/http_load.hpp"

#include <arpa/inet.h>
#include <cassert>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace starling::bench {

namespace {

/// One that nobody has at this moment.
std::uint16_t free_port() {
  const int one = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof any;
  auto* address = reinterpret_cast<sockaddr*>(&any);
  if (::bind(one, address, size) != 0 || ::getsockname(one, address, &size) != 0)
    throw std::runtime_error{"there is no free port"};
  ::close(one);
  return ntohs(any.sin_port);
}

/// In the child: becomes the program. Its logs go where ours go if they are asked for.
[[noreturn]] void become(char* const* arguments, std::vector<std::string>& environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(nowhere, STDIN_FILENO);
  ::dup2(nowhere, STDOUT_FILENO);
  if (std::getenv("BENCH_LOGS") == nullptr)
    ::dup2(nowhere, STDERR_FILENO);
  for (auto& variable : environment)
    ::putenv(variable.data());
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

} // namespace

scratch_folder::scratch_folder() {
  auto pattern = (std::filesystem::temp_directory_path() / "starling-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error{"cannot make a folder " + pattern};
  path_ = pattern;
}

scratch_folder::~scratch_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::uint64_t bytes_below(const std::filesystem::path& folder) {
  std::uint64_t sum = 0;
  for (const auto& one : std::filesystem::recursive_directory_iterator{folder})
    if (one.is_regular_file())
      sum += one.file_size();
  return sum;
}

server::server(std::vector<std::string> flags)
    : flags_(std::move(flags)), http_port_(free_port()), peer_port_(free_port()) {}

server::~server() {
  crash();
}

void server::launch() {
  assert(process_ < 0);
  auto command = flags_;
  const std::string loopback = "127.0.0.1:";
  command.insert(command.begin(),
                 {STARLINGD_PATH, "--http.listen=" + loopback + std::to_string(http_port_),
                  "--cluster.listen=" + loopback + std::to_string(peer_port_), "--log.level=warn"});
  std::vector<char*> arguments;
  for (auto& argument : command)
    arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  process_ = ::fork();
  if (process_ == 0)
    become(arguments.data(), environment_);
  if (process_ < 0)
    throw std::runtime_error{"cannot start a process"};
}

void server::start() {
  launch();
  while (http_connection{http_port_}.send(get("/readyz")).status != 200) {
    if (::waitpid(process_, nullptr, WNOHANG) == process_)
      throw std::runtime_error{"a node ends at its start: see its log with BENCH_LOGS=1"};
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

void server::crash() {
  end(SIGKILL);
}

void server::stop() {
  end(SIGTERM);
}

void server::end(int signal) {
  if (process_ < 0)
    return;
  ::kill(process_, signal);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

std::uint64_t server::resident_bytes() const {
  std::ifstream status{"/proc/" + std::to_string(process_) + "/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:"))
      return std::stoul(line.substr(6)) * 1024; // the file's kB are 1024 bytes
  return 0;
}

double server::processor_seconds() const {
  std::ifstream status{"/proc/" + std::to_string(process_) + "/stat"};
  std::string line;
  std::getline(status, line);
  std::istringstream fields{line.substr(line.rfind(')') + 1)};
  std::string field;
  double ticks = 0;
  for (int i = 1; i <= 13 && fields >> field; ++i) // utime and stime: the 12th and 13th behind it
    if (i >= 12)
      ticks += std::stod(field);
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double server::metric(const std::string& name) const {
  double sum = 0;
  std::istringstream lines{http_connection{http_port_}.send(get("/metrics")).body};
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name + ' ') || line.starts_with(name + '{'))
      sum += std::stod(line.substr(line.find(' ', line.rfind('}') + 1)));
  return sum;
}

} // namespace starling::bench
