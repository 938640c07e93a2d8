#include "cli/hook.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace rehome::cli {
namespace {

/// The C interface's attributes, released with their scope.
class SpawnSetup {
 public:
  SpawnSetup() {
    CHECK(posix_spawn_file_actions_init(&actions_) == 0);
    CHECK(posix_spawnattr_init(&attributes_) == 0);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    static_cast<void>(posix_spawn_file_actions_destroy(&actions_));
    static_cast<void>(posix_spawnattr_destroy(&attributes_));
  }

  [[nodiscard]] int Prepare() {
    sigset_t none{};
    static_cast<void>(sigemptyset(&none));
    sigset_t defaults = none;
    static_cast<void>(sigaddset(&defaults, SIGPIPE));
    for (const int error :
         {posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0),
          posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO),
          // The child gets the signals that this process blocks or ignores.
          posix_spawnattr_setsigmask(&attributes_, &none),
          posix_spawnattr_setsigdefault(&attributes_, &defaults),
          posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)}) {
      if (error != 0) {
        return error;
      }
    }
    return 0;
  }
  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

Result<int> WaitFor(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return Fail(ErrorCode::kInternal,
                  "waiting for a hook: " + std::generic_category().message(errno));
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<int> RunHook(const std::vector<std::string>& arguments) {
  CHECK(!arguments.empty());
  std::vector<std::string> copies = arguments;
  std::vector<char*> pointers;
  std::ranges::transform(copies, std::back_inserter(pointers),
                         [](std::string& text) { return text.data(); });
  pointers.push_back(nullptr);
  SpawnSetup setup;
  int error = setup.Prepare();
  pid_t child = 0;
  if (error == 0) {
    error = ::posix_spawnp(&child, pointers.front(), setup.actions(), setup.attributes(),
                           pointers.data(), environ);
  }
  if (error != 0) {
    return Fail(ErrorCode::kFailedPrecondition,
                "hook `" + arguments.front() +
                    "` cannot be started: " + std::generic_category().message(error),
                "mend the command in cutover.hooks: it runs without a shell");
  }
  return WaitFor(child);
}

}  // namespace rehome::cli
