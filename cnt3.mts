import { inMacroTask } from './test/sim/scheduler.js';
import { World } from './test/sim/world.js';
import { RunningWal } from './src/storage/running-wal.js';
const P:any=RunningWal.prototype, orig=P.read; let n=0,e=0;
P.read=function(a:number,b:number,c:number,d:any){return orig.call(this,a,b,c,(er:any,es:any)=>{n++;e+=es.length;d(er,es)})};
const rows:any[]=[];
for(let s=7000;s<7060;s++){n=0;e=0;const t=process.cpuUsage();let w:any;await inMacroTask(()=>{w=new World({seed:s,seconds:60,servers:null,without:new Set(),traceLines:0} as any);try{w.run(60)}catch(x){console.log(x)}});const u=process.cpuUsage(t);const r=w.swarm.raft;rows.push([s,(u.user/1000)|0,n,e,w.checkers.commits.commitMax,w.hosts.length,r.tailBytesMax,r.appendBytesMax,r.appendEntriesMax,r.inflightMessagesMax,r.inflightBytesMax,w.swarm.segmentBytesMax,w.scheduler.steps]);}
rows.sort((a,b)=>b[1]-a[1]);console.log('seed cpu reads entries commits hosts tail apB apE infM infB seg steps');rows.forEach(r=>console.log(r.join(' ')));
process.exit(0)
