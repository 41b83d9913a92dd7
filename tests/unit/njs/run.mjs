// Runs a file of tests under Node.js: each test in a context of its own, as nginx gives each request a virtual machine of
// its own. The rules are imported as they are. Prints {test: null or what was wrong} as JSON.
//
//     node --experimental-vm-modules run.mjs FILE FOLDER...
import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';

const [file, ...folders] = process.argv.slice(2);
const builtin = { crypto: await import('node:crypto'), fs: await import('node:fs') };

function source(name) {
    const folder = folders.find(one => fs.existsSync(path.join(one, name)));
    if (folder === undefined) { throw new Error(`there is no ${name}`); }
    return fs.readFileSync(path.join(folder, name), 'utf8');
}

async function load(name) {
    const context = vm.createContext({ Buffer, console, process: { pid: process.pid } }), modules = new Map();

    function moduleOf(specifier) {
        if (!modules.has(specifier)) {
            modules.set(specifier, specifier in builtin
                ? new vm.SyntheticModule(['default'], function () { this.setExport('default', builtin[specifier].default); }, { context })
                : new vm.SourceTextModule(source(specifier), { context, identifier: specifier }));
        }
        return modules.get(specifier);
    }

    const module = moduleOf(name);
    await module.link(moduleOf);
    await module.evaluate();
    return module.namespace.default;
}

const results = {};
for (const name of Object.keys(await load(file))) {
    try {
        await (await load(file))[name]();
        results[name] = null;
    } catch (problem) {
        results[name] = String(problem.stack || problem);
    }
}
console.log(JSON.stringify(results));
