#include "system/wall_clock.hpp"

#include <spdlog/fmt/fmt.h>

namespace starling::system {

std::optional<std::string> complaint_about_clock(std::chrono::system_clock::time_point now) {
  using namespace std::chrono;
  if (now >= system_clock::time_point{})
    return std::nullopt;
  const year_month_day day{floor<days>(now)};
  return fmt::format("the clock of this machine shows {}-{:02}-{:02}, a day before 1970, and a "
                     "node cannot work with that; set the clock and start again",
                     static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

} // namespace starling::system
