# Stands in for nixpkgs where it cannot be fetched: only what flake.nix uses, with the shell and tools of the machine.
# `wob` beside this file is the command as cargo built it, and SYSTEM the system; "building the package" copies it.
{
  description = "What wob's flake uses of nixpkgs";

  outputs =
    { self }:
    let
      system = "SYSTEM";
      shell =
        name: attributes: script:
        let
          made = derivation (
            {
              inherit name system;
              builder = "/bin/sh";
              args = [
                "-euc"
                ''
                  PATH=/usr/bin:/bin
                  for input in ''${nativeBuildInputs-}; do PATH="$input/bin:$PATH"; done
                  export PATH
                  ${script}
                ''
              ];
            }
            // attributes
          );
        in
        made // { overrideAttrs = change: shell name (attributes // change attributes) script; };
      tool = name: shell name { } ''mkdir "$out"'';
    in
    {
      lib = rec {
        genAttrs =
          names: make:
          builtins.listToAttrs (
            map (name: {
              inherit name;
              value = make name;
            }) names
          );
        concatMap = builtins.concatMap;
        escapeShellArg = text: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] text}'";
        escapeShellArgs = texts: builtins.concatStringsSep " " (map escapeShellArg texts);
      };

      legacyPackages = self.lib.genAttrs [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ] (_: {
        rustPlatform.buildRustPackage =
          attributes:
          # Everything that the real one would read must be there.
          assert builtins.pathExists attributes.cargoLock.lockFile;
          assert builtins.pathExists "${attributes.src}/Cargo.toml";
          shell "${attributes.pname}-${attributes.version}" { } ''
            mkdir -p "$out/bin"
            cp ${./wob} "$out/bin/wob"
          '';
        runCommandLocal = shell;
        mkShell = attributes: shell "shell" { nativeBuildInputs = attributes.packages ++ attributes.inputsFrom; } ''mkdir "$out"'';
        cargo = tool "cargo";
        clippy = tool "clippy";
        cmake = tool "cmake";
        git = tool "git";
        perl = tool "perl";
        rustc = tool "rustc";
        rustfmt = tool "rustfmt";
      });
    };
}
