import * as inspector from 'node:inspector/promises';
import * as fs from 'node:fs';
import { inMacroTask } from './test/sim/scheduler.js';
import { runSeed } from './test/sim/world.js';
Error.stackTraceLimit = 0;
const from=Number(process.argv[2]), n=Number(process.argv[3]);
const go=async(a:number,b:number)=>{let steps=0,c=0;const cpu=process.cpuUsage();for(let s=a;s<b;s++){const r=await inMacroTask(()=>runSeed({seed:s,seconds:60,servers:null,without:new Set(),traceLines:0}));steps+=r.steps;c+=r.committed; if(r.failure)console.log(s,r.failure)}const u=process.cpuUsage(cpu);console.log((b-a),'runs',((u.user+u.system)/1000/(b-a)).toFixed(1),'ms each',steps/(b-a)|0,'steps',c/(b-a)|0,'committed');};
await go(from,from+20);
if(process.argv[4]){const s=new inspector.Session();s.connect();await s.post('Profiler.enable');await s.post('Profiler.setSamplingInterval',{interval:500});await s.post('Profiler.start');
await go(from+20,from+20+n);
const {profile}=await s.post('Profiler.stop');fs.writeFileSync(process.argv[4],JSON.stringify(profile));}
else await go(from+20,from+20+n);
process.exit(0)
