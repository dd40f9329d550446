#include "system/process_stats.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace starling::system {

namespace {

std::optional<std::int64_t> number_from(std::string_view text) {
  std::int64_t result = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, result);
  return error == std::errc{} && stop == end ? std::optional{result} : std::nullopt;
}

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream in{std::string{text}};
  std::vector<std::string> result;
  for (std::string word; in >> word;)
    result.push_back(std::move(word));
  return result;
}

/// In seconds since 1970.
std::optional<std::int64_t> boot_time_in(std::string_view system) {
  constexpr std::string_view name = "\nbtime ";
  const auto at = system.find(name);
  if (at == std::string_view::npos)
    return std::nullopt;
  const auto rest = system.substr(at + name.size());
  return number_from(rest.substr(0, rest.find('\n')));
}

std::string content_of(const char* path) {
  std::ostringstream result;
  result << std::ifstream{path}.rdbuf();
  return result.str();
}

} // namespace

std::optional<process_stats> parse_process_stats(std::string_view stat, std::string_view system,
                                                 const system_units& units) {
  // The name of the program, in parentheses, may hold anything.
  const auto name_end = stat.rfind(')');
  const auto boot = boot_time_in(system);
  if (name_end == std::string_view::npos || !boot)
    return std::nullopt;
  const auto words = words_of(stat.substr(name_end + 1));
  // Fields are counted from 1 in proc(5), and the first one behind the name is the third.
  const auto field = [&](std::size_t n) -> std::optional<std::int64_t> {
    return n - 3 < words.size() ? number_from(words[n - 3]) : std::nullopt;
  };
  const auto user = field(14);
  const auto kernel = field(15);
  const auto start = field(22);
  const auto size = field(23);
  const auto pages = field(24);
  if (!user || !kernel || !start || !size || !pages)
    return std::nullopt;
  return process_stats{.cpu_seconds = static_cast<double>(*user + *kernel) / units.ticks_per_second,
                       .virtual_bytes = *size,
                       .resident_bytes = *pages * units.page_bytes,
                       .started = static_cast<double>(*boot) +
                                  static_cast<double>(*start) / units.ticks_per_second};
}

std::optional<process_stats> read_process_stats() {
  auto result =
      parse_process_stats(content_of("/proc/self/stat"), content_of("/proc/stat"),
                          {.ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK)),
                           .page_bytes = ::sysconf(_SC_PAGESIZE)});
  if (!result)
    return std::nullopt;
  std::error_code error;
  for (std::filesystem::directory_iterator i{"/proc/self/fd", error}, end; !error && i != end;
       i.increment(error))
    ++result->open_files;
  if (result->open_files > 0)
    --result->open_files; // the one that looks at them
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    result->open_files_max = limit.rlim_cur == RLIM_INFINITY
                                 ? std::numeric_limits<double>::infinity()
                                 : static_cast<double>(limit.rlim_cur);
  return result;
}

} // namespace starling::system
